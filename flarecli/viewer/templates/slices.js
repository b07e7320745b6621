// Slices of the scan, drawn from its voxels in HU: a texture of integers for each plane, filled anew when the slice
// changes, and the shader that gives them their grey. NiiVue by itself would colour every voxel of the scan before it
// draws, and again for each window; it places the slices.
const SLICE_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform highp isampler2D axial;
uniform highp isampler2D coronal;
uniform highp isampler2D sagittal;
uniform int axCorSag;
uniform vec2 shownHu;
in vec3 texPos;
out vec4 color;
ivec2 size;
float at(ivec2 voxel) {
  ivec2 near = clamp(voxel, ivec2(0), size - 1);
  if (axCorSag == 0) return float(texelFetch(axial, near, 0).r);
  if (axCorSag == 1) return float(texelFetch(coronal, near, 0).r);
  return float(texelFetch(sagittal, near, 0).r);
}
void main() {
  size = axCorSag == 0 ? textureSize(axial, 0) : axCorSag == 1 ? textureSize(coronal, 0) : textureSize(sagittal, 0);
  vec2 place = (axCorSag == 0 ? texPos.xy : axCorSag == 1 ? texPos.xz : texPos.yz) * vec2(size) - 0.5;
  ivec2 low = ivec2(floor(place));
  vec2 part = place - vec2(low);
  float upper = mix(at(low), at(low + ivec2(1, 0)), part.x);
  float lower = mix(at(low + ivec2(0, 1)), at(low + ivec2(1, 1)), part.x);
  float hu = mix(upper, lower, part.y);
  color = vec4(vec3(clamp((hu - shownHu.x) / (shownHu.y - shownHu.x), 0.0, 1.0)), 1.0);
}`;
const FIRST_UNIT = 12;  // NiiVue's textures are in the units up to 10
const filledWith = new Map();  // plane: the slice that its texture holds

const unitOf = (gl, name) => gl.TEXTURE0 + FIRST_UNIT + PLANES[name].tile;

const useSlices = (viewer) => {
  const { gl } = viewer;
  viewer.setCustomSliceShader(SLICE_SHADER);
  const { program } = viewer.customSliceShader;
  gl.useProgram(program);
  for (const [name, plane] of Object.entries(PLANES)) {
    gl.uniform1i(gl.getUniformLocation(program, name), FIRST_UNIT + plane.tile);
    gl.activeTexture(unitOf(gl, name));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R16I, facts.shape[plane.across], facts.shape[plane.down]);
  }
  gl.activeTexture(gl.TEXTURE0);
};

const showHu = (viewer, low, high) => {
  const { program } = viewer.customSliceShader;
  viewer.gl.useProgram(program);
  viewer.gl.uniform2f(viewer.gl.getUniformLocation(program, "shownHu"), low, high);
};

// The voxels of a slice, column after column and row after row.
const sliceOf = (voxels, plane, slice) => {
  const strides = [1, facts.shape[0], facts.shape[0] * facts.shape[1]];
  const [columns, rows] = [facts.shape[plane.across], facts.shape[plane.down]];
  const first = slice * strides[plane.along];
  if (plane.along === 2) return voxels.subarray(first, first + columns * rows);
  const found = new Int16Array(columns * rows);
  for (let row = 0; row < rows; row += 1) {
    let from = first + row * strides[plane.down];
    for (let to = row * columns; to < (row + 1) * columns; to += 1, from += strides[plane.across]) found[to] = voxels[from];
  }
  return found;
};

const fillSlices = (gl, voxels, place) => {
  for (const [name, plane] of Object.entries(PLANES)) {
    const slice = place[plane.along];
    if (filledWith.get(name) === slice) continue;
    filledWith.set(name, slice);
    gl.activeTexture(unitOf(gl, name));
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texSubImage2D(
      gl.TEXTURE_2D, 0, 0, 0, facts.shape[plane.across], facts.shape[plane.down], gl.RED_INTEGER, gl.SHORT,
      sliceOf(voxels, plane, slice),
    );
  }
  gl.activeTexture(gl.TEXTURE0);
};

// What NiiVue itself holds: the scan's box, of 2 × 2 × 2 voxels.
const BOX_VOXELS = 2;
const boxImage = () => {
  const scale = facts.shape.map((size) => size / BOX_VOXELS);
  const affine = facts.affine.map((row) => {
    const columns = scale.map((factor, axis) => row[axis] * factor);
    const origin = row[3] + scale.reduce((sum, factor, axis) => sum + (row[axis] * (factor - 1)) / 2, 0);
    return [...columns, origin];
  });
  const { NVImage } = globalThis.niivue;
  const file = NVImage.createNiftiArray(
    Array(3).fill(BOX_VOXELS), scale.map((factor, axis) => factor * facts.spacing[axis]),
    [...affine.flat(), 0, 0, 0, 1], 2, new Uint8Array(BOX_VOXELS ** 3),
  );
  return NVImage.new(file.buffer, "box.nii", "gray", 1, null, 0, 1, true);
};
