"""What the package is built from: pins that satisfy it, and the bill of materials."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED_EXTRAS = re.findall(r"--extra (\S+)", (ROOT / "scripts" / "lock").read_text("utf-8"))


def pins() -> dict[str, set[Version]]:
    """Return the versions of every package; there may be one for each Python."""
    found: dict[str, set[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK, flags=re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def test_the_lock_satisfies_the_package() -> None:
    """Every requirement of the package and of the locked extras has a pin that it allows."""
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(one for name in LOCKED_EXTRAS for one in extras[name])]
    pinned = pins()
    for requirement in map(Requirement, wanted):
        versions = pinned.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} has no pin; run scripts/lock"
        assert all(requirement.specifier.contains(v, prereleases=True) for v in versions)
    assert {"lab", "serve", "test"} <= set(LOCKED_EXTRAS)


def test_every_pin_has_hashes_and_names_no_host() -> None:
    """Files are known by their content, wherever they come from."""
    entries = re.split(r"\n(?=[\w.-]+==)", LOCK)[1:]
    assert len(entries) == sum(map(len, pins().values()))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK


def test_the_bill_of_materials_lists_every_pin(tmp_path: Path) -> None:
    """In CycloneDX, the same bytes each time."""
    if shutil.which("cyclonedx-py") is None:
        pytest.skip("needs cyclonedx-py (pip install cyclonedx-bom)")
    written = []
    for name in ("one.json", "two.json"):
        subprocess.run([str(ROOT / "scripts" / "sbom"), str(tmp_path / name)], cwd=ROOT, check=True)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    bill = json.loads(written[0])
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "mlplab"
    assert {canonicalize_name(one["name"]) for one in bill["components"]} == set(pins())


def test_the_citation_is_of_this_version() -> None:
    """CITATION.cff and the package say the same."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in text
    assert f"\nlicense: {PROJECT['license']}\n" in text
