"""Loads a page in Firefox with its network panel open, and writes what the panel exports as HAR."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time

PREFERENCES = {
    "marionette.port": 0,
    "devtools.toolbox.host": "window",
    "devtools.netmonitor.har.includeResponseBodies": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:1",
}
LOADER = """const done = arguments[arguments.length - 1];
const { require } = ChromeUtils.importESModule('resource://devtools/shared/loader/Loader.sys.mjs');
const { gDevTools } = require('devtools/client/framework/devtools');
const tab = Services.wm.getMostRecentWindow('navigator:browser').gBrowser.selectedTab;
"""
OPEN = LOADER + "gDevTools.showToolboxForTab(tab, { toolId: 'netmonitor' }).then(() => done('open'), e => done(`${e}`));"
EXPORT = LOADER + """gDevTools.getToolboxForTab(tab).getHARFromNetMonitor()
  .then(har => done(JSON.stringify({ log: har })), e => done(`${e}`));"""


class Marionette:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=90)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.read()

    def read(self):
        digits = b""
        while (octet := self.file.read(1)) != b":":
            digits += octet
        return json.loads(self.file.read(int(digits)))

    def call(self, name, **parameters):
        self.number += 1
        message = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(str(len(message)).encode() + b":" + message)
        _, _, error, result = self.read()
        if error:
            raise RuntimeError(error)
        return result.get("value")

    def script(self, text):
        return self.call("WebDriver:ExecuteAsyncScript", script=text, args=[])


def export(marionette, url):
    marionette.call("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
    marionette.call("WebDriver:SetTimeouts", script=80_000, pageLoad=60_000)
    marionette.call("Marionette:SetContext", value="chrome")
    assert marionette.script(OPEN) == "open"
    marionette.call("Marionette:SetContext", value="content")
    marionette.call("WebDriver:Navigate", url=url)
    while marionette.call("WebDriver:GetTitle") != "done":
        time.sleep(0.1)
    time.sleep(2)
    marionette.call("Marionette:SetContext", value="chrome")
    return marionette.script(EXPORT)


def main(url, path):
    with tempfile.TemporaryDirectory() as profile:
        with open(os.path.join(profile, "user.js"), "w") as file:
            for name, value in PREFERENCES.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        command = ["firefox-esr", "--headless", "--no-remote", "--profile", profile]
        command += ["--marionette", "--remote-allow-system-access"]
        browser = subprocess.Popen(command, env=dict(os.environ, HOME=profile), stderr=subprocess.DEVNULL)
        try:
            told = os.path.join(profile, "MarionetteActivePort")
            while not os.path.exists(told) or not open(told).read():
                time.sleep(0.1)
            har = export(Marionette(int(open(told).read())), url)
            with open(path, "w") as file:
                file.write(har)
        finally:
            browser.terminate()
            browser.wait()


main(*sys.argv[1:])
