"""Holds files against a schema: validate.py SCHEMA FILE... A folder is the schema of HAR; one file is that of SARIF
(.json) or of JUnit (.xsd)."""

import json
import pathlib
import sys

import xmlschema
from jsonschema import FormatChecker
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.jsonschema import DRAFT6


def of_json(schema, file, registry):
    validator = validator_for(schema)(schema, registry=registry, format_checker=FormatChecker())
    for error in validator.iter_errors(json.loads(file.read_text())):
        yield f"{'/'.join(map(str, error.path))}: {error.message[:200]}"


def of_xml(schema, file):
    return (str(error) for error in xmlschema.XMLSchema(str(schema)).iter_errors(str(file)))


def of_har(folder, file):
    schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    resources = ((name, DRAFT6.create_resource(schema)) for name, schema in schemas.items())
    return of_json(schemas["har.json"], file, Registry().with_resources(resources))


def errors(schema, file):
    if schema.is_dir():
        return of_har(schema, file)
    if schema.suffix == ".xsd":
        return of_xml(schema, file)
    return of_json(json.loads(schema.read_text()), file, Registry())


schema, *files = map(pathlib.Path, sys.argv[1:])
found = [f"{file.name}: {error}" for file in files for error in errors(schema, file)]
print("\n".join(found) or "valid")
sys.exit(bool(found))
