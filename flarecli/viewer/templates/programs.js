// A WebGL 2 context whose programs are compiled when something is drawn with them. NiiVue makes some forty programs as
// it starts, of which a page uses a few; drivers take seconds for the others.
const deferredPrograms = (gl) => {
  const real = {};
  const replace = (name, own) => {
    real[name] = gl[name].bind(gl);
    gl[name] = own;
  };
  const waiting = new Map();  // program: the uniforms that were set, in order
  const uncompiled = new Set();
  let current = null;

  const compile = (shader) => {
    if (uncompiled.delete(shader)) real.compileShader(shader);
  };
  const link = (program) => {
    const calls = waiting.get(program);
    if (calls === undefined) return;
    waiting.delete(program);
    for (const shader of gl.getAttachedShaders(program) ?? []) compile(shader);
    real.linkProgram(program);
    if (!real.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`WebGL: ${gl.getProgramInfoLog(program)}`);
    }
    if (program === current) real.useProgram(program);
    for (const [name, place, values] of calls) real[name](placeOf(place), ...values);
  };
  // A uniform's place, asked of WebGL when its program is linked.
  class Place {
    constructor(program, name) {
      this.program = program;
      this.name = name;
      this.found = undefined;
    }
  }
  const placeOf = (place) => {
    if (!(place instanceof Place)) return place;
    if (place.found === undefined) place.found = real.getUniformLocation(place.program, place.name);
    return place.found;
  };

  replace("compileShader", (shader) => uncompiled.add(shader));
  replace("linkProgram", (program) => waiting.set(program, []));
  replace("useProgram", (program) => {
    current = program;
    if (!waiting.has(program)) real.useProgram(program);
  });
  replace("getUniformLocation", (program, name) => new Place(program, name));
  replace("getProgramParameter", (program, name) => {
    if (waiting.has(program) && name === gl.LINK_STATUS) return true;
    link(program);
    return real.getProgramParameter(program, name);
  });
  replace("getShaderParameter", (shader, name) => {
    compile(shader);
    return real.getShaderParameter(shader, name);
  });
  for (const name of ["getActiveUniform", "getAttribLocation", "getUniformBlockIndex", "validateProgram"]) {
    replace(name, (program, ...given) => {
      link(program);
      return real[name](program, ...given);
    });
  }
  for (const name of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"]) {
    replace(name, (...given) => {
      link(current);
      real[name](...given);
    });
  }
  const setters = new Set();
  for (let level = gl; level !== null; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) if (/^uniform(Matrix)?\d/.test(name)) setters.add(name);
  }
  for (const name of setters) {
    replace(name, (place, ...values) => {
      const calls = place instanceof Place ? waiting.get(place.program) : undefined;
      if (calls === undefined) real[name](placeOf(place) ?? null, ...values);
      else calls.push([name, place, values.map((value) => (typeof value === "object" ? value.slice() : value))]);
    });
  }
  return gl;
};

// Before NiiVue asks for the canvas's context, with what it would ask for; null where there is no WebGL 2.
const deferPrograms = (canvas) => {
  const gl = canvas.getContext("webgl2", { alpha: true, antialias: false });
  return gl === null ? null : deferredPrograms(gl);
};
