# SPDX-License-Identifier: Apache-2.0

"""Writes the schemas with which kubeconform checks the chart and Strimzi's resources: schemas.py FOLDER CRD...

For each kind of Kubernetes a file in FOLDER with only the definitions that it needs, out of the package kubernetes-validate, which
has the schemas of Kubernetes' own API; and one for each version of each CRD (a custom resource's schema, as its project publishes
it). kubeconform finds them as {{.ResourceKind}}{{.KindSuffix}}.json. All are strict: a field that a schema does not name is wrong.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import kubernetes_validate
import yaml

# Of Kubernetes' own kinds; a custom resource's metadata is checked by this definition too.
METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def definitions_of(node, found):
    """Adds the names of all definitions that a node refers to."""
    if isinstance(node, dict):
        reference = node.get("$ref", "")
        if "#/$defs/" in reference:
            found.add(reference.rpartition("/")[2])
        for value in node.values():
            definitions_of(value, found)
    elif isinstance(node, list):
        for value in node:
            definitions_of(value, found)


def with_definitions(schema, definitions):
    """The schema with the definitions that it needs, directly and through others."""
    needed, open_names = {}, set()
    definitions_of(schema, open_names)
    while open_names:
        name = open_names.pop()
        if name not in needed:
            needed[name] = definitions[name]
            definitions_of(definitions[name], open_names)
    schema = {key: value for key, value in schema.items() if key not in ("$id", "$defs")}
    text = json.dumps({**schema, "$defs": needed})
    return text.replace("/api/_definitions.json#", "#")


def strict(node):
    """A CRD's schema in which objects with properties have no others, as the API server prunes them."""
    if isinstance(node, dict):
        node = {key: strict(value) for key, value in node.items()}
        is_open = node.get("x-kubernetes-preserve-unknown-fields", False)
        if isinstance(node.get("properties"), dict) and "type" in node and "additionalProperties" not in node and not is_open:
            node["additionalProperties"] = False
        if node.pop("x-kubernetes-int-or-string", False):
            node.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
        return node
    return [strict(value) for value in node] if isinstance(node, list) else node


def main(folder, crds):
    source = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version('kubernetes-validate')}-local-strict"
    definitions = json.loads((source / "_definitions.json").read_text())["$defs"]
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.json"):
        schema = json.loads(file.read_text())
        # Only what can be an object of its own.
        if "kind" in schema.get("properties", {}):
            (folder / file.name).write_text(with_definitions(schema, definitions))
    for crd in crds:
        spec = yaml.safe_load(Path(crd).read_text())["spec"]
        group = spec["group"].split(".")[0]
        for served in spec["versions"]:
            schema = strict(served["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"$ref": f"#/$defs/{METADATA}"}
            schema["required"] = sorted({*schema.get("required", []), "apiVersion", "kind", "metadata"})
            name = f"{spec['names']['kind'].lower()}-{group}-{served['name']}.json"
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
            (folder / name).write_text(with_definitions(schema, definitions))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
