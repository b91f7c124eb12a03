"""Holds a HAR file against the schema: validate.py SCHEMA-FOLDER FILE."""

import json
import pathlib
import sys

from jsonschema import Draft6Validator
from referencing import Registry
from referencing.jsonschema import DRAFT6

folder, file = map(pathlib.Path, sys.argv[1:])
schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
registry = Registry().with_resources((name, DRAFT6.create_resource(schema)) for name, schema in schemas.items())
validator = Draft6Validator(schemas["har.json"], registry=registry, format_checker=Draft6Validator.FORMAT_CHECKER)
errors = [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(json.loads(file.read_text()))]
print("\n".join(errors) or "valid")
sys.exit(bool(errors))
