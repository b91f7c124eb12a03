"""Python's requests: fetches a file, and sends it to have it back."""

import os
import pathlib

import requests

file = pathlib.Path(os.environ["FILE"]).read_bytes()
with requests.Session() as session:
    session.proxies = {"https": os.environ["PROXY"]}
    site = os.environ["SITE"]
    assert session.get(f"{site}/file", timeout=20).content == file
    assert session.post(f"{site}/echo", data=file, timeout=20).content == file
print("the same")
