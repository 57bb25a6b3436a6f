"""What is in the distributions."""

from __future__ import annotations

import re
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from pathlib import Path

import pytest

from smithkit._catalogue import PACKAGES

pytestmark = pytest.mark.slow

CLIENT_PACKAGES = [name for name in PACKAGES if name != "server"]
OWN_FOLDERS = {
    "smithkit": "smithkit/quickstart/",
    **{f"smithkit-{name}": f"smithkit/{name}/" for name in PACKAGES},
}


@pytest.fixture(scope="module")
def contents(wheels):
    """Distribution → path in its wheel → bytes."""
    return {wheel.name.partition("-")[0].replace("_", "-"): read(wheel) for wheel in wheels.glob("*.whl")}


def read(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def modules(files):
    return {name for name in files if ".dist-info/" not in name}


def metadata(files):
    return message_from_bytes(
        next(data for name, data in files.items() if name.endswith(".dist-info/METADATA"))
    )


def test_all_distributions_are_built(contents):
    assert set(contents) == {"smithkit", "smithkit-core", "smithkit-example-meter"} | {
        f"smithkit-{name}" for name in PACKAGES
    }


@pytest.mark.parametrize("distribution", OWN_FOLDERS)
def test_wheel_holds_its_own_folder_alone(contents, distribution):
    foreign = {
        name for name in modules(contents[distribution]) if not name.startswith(OWN_FOLDERS[distribution])
    }

    assert foreign == set()


def test_core_wheel_holds_the_root_and_one_stub_per_client_package(contents):
    files = modules(contents["smithkit-core"])
    stubs = {name for name in files if name.endswith(".pyi")}
    of_others = {name for name in files if name.startswith(tuple(f"smithkit/{other}/" for other in PACKAGES))}

    assert {"smithkit/__init__.py", "smithkit/py.typed", "smithkit/cli/__init__.py"} <= files
    assert stubs == {f"smithkit/{name}.pyi" for name in CLIENT_PACKAGES}
    assert of_others == set()


def test_no_two_wheels_hold_one_file(contents):
    owners = {}
    for distribution, files in contents.items():
        for name in files:
            owners.setdefault(name, []).append(distribution)

    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_no_wheel_holds_what_only_a_checkout_needs(contents):
    unwanted = re.compile(r"/__init__\.pyi$|__pycache__|(^|/)tests?/test_|\.db$|/fallback/")

    assert [name for files in contents.values() for name in files if unwanted.search(name)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_marked_as_typed(contents, package):
    assert f"smithkit/{package}/py.typed" in contents[f"smithkit-{package}"]


def test_each_wheel_carries_its_licence_and_description(contents):
    for distribution, files in contents.items():
        about = metadata(files)

        assert any(name.endswith("licenses/LICENSE") for name in files), distribution
        assert about["License-Expression"] == "MIT", distribution
        assert about.get_payload().startswith("# "), distribution


def test_each_package_is_found_through_one_entry_point_of_its_own_name(contents):
    for package in PACKAGES:
        files = contents[f"smithkit-{package}"]
        text = next(data for name, data in files.items() if name.endswith("entry_points.txt")).decode()
        lines = text.partition("[smithkit]")[2].partition("[")[0].split("\n")
        entries = [line for line in lines if line.strip()]

        assert entries == [f"{package} = smithkit.{package}._plugin"]
        assert f"smithkit/{package}/_plugin.py" in files


def test_all_distributions_share_one_version(contents, distributions):
    import smithkit

    about = {name: metadata(contents[name]) for name in distributions}
    pins = {
        (distribution, requirement)
        for distribution, data in about.items()
        for requirement in data.get_all("Requires-Dist", [])
        if requirement.startswith("smithkit")
    }

    assert {data["Version"] for data in about.values()} == {smithkit.__version__}
    assert {re.sub(r"^[\w\[\],-]+==|;.*", "", pin).strip() for _, pin in pins} == {smithkit.__version__}


def test_versions_written_in_modules_are_the_shared_one(contents, distributions):
    import smithkit

    written = {
        name: match.group(1)
        for distribution in distributions
        for name, data in contents[distribution].items()
        if name.endswith(".py") and (match := re.search(rb'^__version__ = "([^"]+)"', data, re.MULTILINE))
    }

    assert "smithkit/_version.py" in written
    assert set(written.values()) == {smithkit.__version__.encode()}, written


def test_extra_all_names_every_package_and_what_the_single_extras_name(distributions):
    with (distributions["smithkit-core"] / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    everything = extras.pop("all")
    del extras["otel"]  # ties the program to versions of OpenTelemetry: only for those who ask for it

    assert sorted(everything) == sorted({requirement for extra in extras.values() for requirement in extra})
    assert set(PACKAGES) <= set(extras)


def test_wheel_from_the_source_distribution_equals_the_wheel_from_the_checkout(
    contents, distributions, build, tmp_path
):
    def through_source(distribution):
        folder = tmp_path / distribution
        build(distributions[distribution], folder, kind="sdist")
        (archive,) = folder.glob("*.tar.gz")
        build(archive, folder, kind="wheel")
        (wheel,) = folder.glob("*.whl")
        return distribution, read(wheel)

    with ThreadPoolExecutor(2) as pool:
        rebuilt = dict(pool.map(through_source, distributions))

    for distribution, files in rebuilt.items():
        assert files.keys() == contents[distribution].keys(), distribution
        differing = [name for name in files if files[name] != contents[distribution][name]]
        assert differing == [], distribution


def test_installed_files_are_those_of_the_wheels(environment, contents):
    code = "import json, smithkit; print(json.dumps(smithkit.__file__))"
    root = Path(environment("everything").evaluate(code)).parents[1]
    expected = {
        name: data
        for distribution, files in contents.items()
        if not distribution.startswith("smithkit-example")
        for name, data in files.items()
        if name in modules(files)
    }

    assert {name for name, data in expected.items() if (root / name).read_bytes() != data} == set()
