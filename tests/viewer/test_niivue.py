"""NiiVue's module is found in the installed package, and nothing else is taken for it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from flarecli.errors import InstallationError
from flarecli.viewer import niivue
from flarecli.viewer.niivue import niivue_script, script_of_widget


def widget(path: Path, module: str) -> Path:
    filling = quote("/* " + "x " * 200_000 + "*/")
    path.write_text(f'var a="short",b="{filling}{quote(module)}";export{{a as default}};')
    return path


def test_the_installed_package_holds_the_module() -> None:
    pytest.importorskip("ipyniivue", reason="needs ipyniivue: pip install 'flarecli[view]'")
    script = niivue_script()
    assert re.search(r"globalThis\.niivue=\{[^{}]*\bNiivue:\w+[^{}]*\};$", script)
    assert "export{" not in script[-5000:]
    assert not re.search(r"</script|<!--", script, re.IGNORECASE)


def test_names_of_the_module_are_offered_as_they_are_public(tmp_path: Path) -> None:
    module = 'class N{}; const t="</script><!--"; export{N as Niivue,NVImage, M as NVMesh};'
    script = script_of_widget(widget(tmp_path / "widget.js", module))
    assert script.endswith("globalThis.niivue={Niivue:N,NVImage:NVImage,NVMesh:M};")
    assert r'"<\/script><\!--"' in script


@pytest.mark.parametrize(
    ("module", "seen"), [("var N=1;", "no ES module"), ("export{A as Niivue,NVImage};", "no NVMesh")]
)
def test_another_package_of_this_name_is_refused(tmp_path: Path, module: str, seen: str) -> None:
    with pytest.raises(InstallationError, match=seen):
        script_of_widget(widget(tmp_path / "widget.js", module))
    with pytest.raises(InstallationError, match="No such file"):
        script_of_widget(tmp_path / "nowhere.js")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(niivue, "find_spec", lambda name: None)
    with pytest.raises(InstallationError, match=r"flarecli\[view\]"):
        niivue_script()
