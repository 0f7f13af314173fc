# SPDX-License-Identifier: Apache-2.0
"""Files of a corpus: documents, what of them can be run, and what that needs."""

import dataclasses
import fnmatch
import re

import yaml

RUNS = ("TaskRun", "PipelineRun", "CustomRun")


class _Loader(yaml.SafeLoader):
    """As Kubernetes reads YAML: what looks like a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks: not every reader has quoted ones right."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


class Unreadable(Exception):
    """A file holds something that is not an object."""


@dataclasses.dataclass
class Entry:
    """One thing to run: its object first, and the objects of its file that it may need."""

    name: str
    run: dict
    others: list = dataclasses.field(default_factory=list)

    @property
    def objects(self):
        return [self.run, *self.others]

    def find(self, kind, name):
        """Return the object of a kind and name that the file has, or None."""
        for thing in self.others:
            if thing["kind"] == kind and thing["metadata"].get("name") == name:
                return thing
        return None

    def text(self):
        return yaml.dump_all(
            self.objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
        )


def read_objects(text):
    """Return the objects of a YAML text; raise Unreadable."""
    try:
        things = [thing for thing in yaml.load_all(text, _Loader) if thing is not None]
    except yaml.YAMLError as error:
        raise Unreadable(" ".join(str(error).split())) from None
    for thing in things:
        if not isinstance(thing, dict) or not thing.get("kind"):
            raise Unreadable("a document is no object with a kind")
        thing.setdefault("metadata", {}).pop("namespace", None)
    return things


def name_of(thing):
    """Return the name of an object as `taskgroup run` has it."""
    metadata = thing["metadata"]
    return metadata.get("name") or metadata.get("generateName", thing["kind"].lower()).rstrip("-")


def entries_of(name, objects):
    """Return an entry for each run of a file; where there is none, for each group."""
    runs = [thing for thing in objects if thing["kind"] in RUNS]
    runs = runs or [thing for thing in objects if thing["kind"] == "TaskGroup"]
    others = [thing for thing in objects if thing not in runs or thing["kind"] == "TaskGroup"]
    many = len(runs) > 1
    return [
        Entry(
            f"{name}#{name_of(run)}" if many else name,
            run,
            [thing for thing in others if thing is not run],
        )
        for run in runs
    ]


def read_corpus(folder):
    """Yield (path below the folder, entries, why it cannot be read) of each YAML file."""
    if folder.is_file():
        paths, base = [folder], folder.parent
    else:
        paths, base = sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]), folder
    for path in paths:
        name = str(path.relative_to(base))
        try:
            yield name, entries_of(name, read_objects(path.read_text())), ""
        except (Unreadable, UnicodeDecodeError) as error:
            yield name, [], str(error)


def map_images(thing, images):
    """Replace images by (pattern, image), the first that fits, wherever a container names one."""
    if isinstance(thing, list):
        for item in thing:
            map_images(item, images)
    elif isinstance(thing, dict):
        image = thing.get("image")
        if isinstance(image, str):
            bare = re.sub(r"(@sha256:\w+|:[\w.-]+)$", "", image)
            for pattern, instead in images:
                if fnmatch.fnmatch(image, pattern) or fnmatch.fnmatch(bare, pattern):
                    thing["image"] = instead
                    break
        for item in thing.values():
            map_images(item, images)


def set_storage_class(thing, name):
    """Let every claim and template that names no class have this one."""
    claims = []
    if thing["kind"] == "PersistentVolumeClaim":
        claims.append(thing)
    for binding in thing.get("spec", {}).get("workspaces") or []:
        if isinstance(binding, dict) and "volumeClaimTemplate" in binding:
            claims.append(binding["volumeClaimTemplate"])
    for claim in claims:
        claim.setdefault("spec", {}).setdefault("storageClassName", name)
