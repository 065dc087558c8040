"""The readers of reports, for reports_test.sh.

make REPORT…        prints a report of these, with findings that quote what is hostile
check PREFIX        checks PREFIX.sarif, .junit, .html, .markdown
pictures DARK LIGHT checks the background of two screenshots
"""

import html.parser
import json
import re
import struct
import sys
import xml.etree.ElementTree as tree
import zlib

HOSTILE = "</pre><script>alert(1)</script>\"'><img src=x onerror=alert(2)> ]]> & ````\n| a \x1b[31m\u202e"


def need(holds, what):
    if not holds:
        sys.exit("reports_check.py: " + what)


def make(files):
    parts = [json.load(open(name)) for name in files]
    finding = {
        "runner": "oracle", "harness": "command_handler", "signature": "set: " + HOSTILE,
        "invariant": "same_reply", "statement": HOSTILE, "op": 1, "expected": HOSTILE,
        "seen": HOSTILE, "frames": [HOSTILE, "main"], "case": "ops x\n" + HOSTILE, "seed": 3,
        "folder": "work/findings/a b", "replay": "./resprobe replay 'work/findings/a b'",
        "attachments": {"trace.txt": HOSTILE, "picture.svg": "<svg onload='alert(3)'/>"},
    }
    other = dict(finding, signature="timeout", kind="timeout", folder="")
    del other["invariant"]
    whole = {
        "schema": "resprobe-report", "schema_version": 1,
        "metadata": {
            "tool": "resprobe", "version": "1.0", "timestamp": "2026-01-02T03:04:05Z",
            "suite": "full", "host": "h", "arguments": ["full"], "command": "./resprobe full",
            "noun": "finding"},
        "summary": {"exit_code": 1}, "seconds": 3.5, "interrupted": False, "vacuous": None,
        "results": [{"name": HOSTILE, "status": "failed", "passed": False, "seed": None,
                     "duration_ms": 5.0, "error": HOSTILE}],
        "findings": [finding, other],
        "plots": [{"title": HOSTILE, "x": "seconds", "y": "ms",
                   "lines": [{"name": HOSTILE, "points": [[0, 1], [1, 2]]}]}],
        "reports": parts, "a_very_long_name_of_a_field_" * 4: "x" * 300,
    }
    print(json.dumps(whole))


def check_sarif(name):
    """What the schema of SARIF 2.1.0 asks of what we write: required properties, enumerations, and
    no properties besides."""
    uri = re.compile(r"^[A-Za-z0-9._~/%:+-]*$")
    instant = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def fields(value, where, required, optional=()):
        need(isinstance(value, dict), where + " is no object")
        for key in required:
            need(key in value, "%s has no %s" % (where, key))
        for key in value:
            need(key in required or key in optional, "%s has %s" % (where, key))

    def message(value, where):
        fields(value, where, ["text"])
        need(isinstance(value["text"], str) and value["text"], where + " is empty")

    def logical(value, where):
        fields(value, where, ["fullyQualifiedName"], ["kind"])

    def location(value, where, bases):
        fields(value, where, [], ["physicalLocation", "logicalLocations"])
        for one in value.get("logicalLocations", []):
            logical(one, where)
        place = value.get("physicalLocation")
        if place is not None:
            fields(place, where, ["artifactLocation"], ["region"])
            fields(place["artifactLocation"], where, ["uri"], ["uriBaseId"])
            need(uri.match(place["artifactLocation"]["uri"]), where + ": no URI")
            base = place["artifactLocation"].get("uriBaseId")
            need(base is None or base in bases, where + ": an unknown base")
            need(place["region"]["startLine"] >= 1, where + ": region")

    document = json.load(open(name))
    fields(document, "the document", ["version", "runs"], ["$schema"])
    need(document["version"] == "2.1.0", "another version of SARIF")
    results = 0
    for run in document["runs"]:
        fields(run, "run", ["tool"], ["automationDetails", "originalUriBaseIds", "columnKind",
                                      "invocations", "results", "properties"])
        fields(run["tool"], "tool", ["driver"])
        driver = run["tool"]["driver"]
        fields(driver, "driver", ["name"], ["version", "rules"])
        ids = [rule["id"] for rule in driver["rules"]]
        need(len(ids) == len(set(ids)), "two rules of one name")
        for rule in driver["rules"]:
            fields(rule, "rule", ["id"], ["shortDescription", "defaultConfiguration"])
            message(rule["shortDescription"], "rule")
            need(rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error"),
                 "level of a rule")
        need(run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints"), "columnKind")
        for invocation in run["invocations"]:
            fields(invocation, "invocation", ["executionSuccessful"],
                   ["exitCode", "commandLine", "startTimeUtc", "endTimeUtc",
                    "toolExecutionNotifications"])
            need(isinstance(invocation["executionSuccessful"], bool), "executionSuccessful")
            for key in ("startTimeUtc", "endTimeUtc"):
                need(instant.match(invocation.get(key, "2026-01-01T00:00:00Z")), key)
            for note in invocation["toolExecutionNotifications"]:
                fields(note, "notification", ["message"], ["level"])
                message(note["message"], "notification")
        for result in run["results"]:
            results += 1
            fields(result, "result", ["message"],
                   ["ruleId", "ruleIndex", "kind", "level", "locations", "stacks", "properties",
                    "partialFingerprints", "occurrenceCount"])
            need(ids[result["ruleIndex"]] == result["ruleId"], "ruleIndex")
            need(result["kind"] == "fail" and result["level"] == "error", "kind, level")
            message(result["message"], "result")
            need(result["locations"], "a result without a place")
            for one in result["locations"]:
                location(one, "location", run["originalUriBaseIds"])
            for stack in result.get("stacks", []):
                fields(stack, "stack", ["frames"], ["message"])
                for frame in stack["frames"]:
                    fields(frame, "frame", [], ["location"])
                    location(frame["location"], "frame", {})
            need(all(isinstance(one, str) for one in result["partialFingerprints"].values()),
                 "fingerprints")
            need(result.get("occurrenceCount", 1) >= 1, "occurrenceCount")
    need(results == 4, "%d results in SARIF" % results)


def check_junit(name):
    root = tree.parse(name).getroot()
    need(root.tag == "testsuites" and len(root) == 3, "suites")
    total = 0
    for suite in root:
        need(suite.tag == "testsuite" and suite.get("name"), "a suite without a name")
        need(re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$", suite.get("timestamp")), "timestamp")
        found = {"failure": 0, "skipped": 0, "error": 0}
        names = set()
        cases = suite.findall("testcase")
        need({one.tag for one in suite} <= {"properties", "testcase"}, "what a suite holds")
        for case in cases:
            need(case.get("name") and case.get("classname"), "a test without a name")
            need(case.get("name") not in names, "two tests of one name")
            names.add(case.get("name"))
            need(len(case) <= 1, "a test with two results")
            for result in case:
                need(result.get("message") is not None, "a result without a message")
                found[result.tag] += 1
        need(int(suite.get("tests")) == len(cases), "tests=")
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            need(int(suite.get(attribute)) == found[tag], attribute)
        total += len(cases)
    need(int(root.get("tests")) == total, "tests= of all")


class Page(html.parser.HTMLParser):
    EMPTY = {"meta", "img", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], set(), ""

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        for name, value in attributes:
            need(not name.startswith("on"), "a handler: " + name)
            if name in ("src", "href"):
                need(value.startswith(("#", "data:image/svg+xml;base64,")), "it loads " + value)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        need(self.open and self.open[-1] == tag, "</%s> inside of %s" % (tag, self.open))
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def check_html(name):
    page = Page()
    text = open(name).read()
    page.feed(text)
    page.close()
    need(page.open == [], "not closed: %s" % page.open)
    need("script" not in page.seen and "link" not in page.seen, "a script or a link")
    need("svg" in page.seen and "table" in page.seen, "no plot or no table")
    need("<script>alert(1)</script>" in page.text, "what was seen is not shown")
    for part in ("stress", "chaos", "fault disk_full", "SET: latency", "run it again".capitalize()):
        need(part in page.text, part + " is not in the page")
    need("url(" not in text and "@import" not in text, "the style loads something")


def check_markdown(name):
    text = open(name).read()
    need("For the bank of seeds" in text and "| SET |" in text.replace("| set |", "| SET |"), "Markdown")
    fence = None
    for line in text.splitlines():
        if fence is None and line.startswith("```"):
            fence = re.match("`+", line).group()
        elif fence is not None and line == fence:
            fence = None
        elif fence is None:
            need("<script" not in line and "<img" not in line, "markup outside of a block: " + line)
    need(fence is None, "a block does not end")


def corner(name):
    """The pixel at the top left of a PNG with 8 bits a channel: a first pixel is what it says,
    whatever the filter of its row."""
    data = open(name, "rb").read()
    need(data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG")
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    return tuple(zlib.decompress(packed)[1:4])


def pictures(dark, light):
    need(max(corner(dark)) < 60, "dark is %s" % (corner(dark),))
    need(min(corner(light)) > 200, "light is %s" % (corner(light),))


if sys.argv[1] == "make":
    make(sys.argv[2:])
elif sys.argv[1] == "check":
    check_sarif(sys.argv[2] + ".sarif")
    check_junit(sys.argv[2] + ".junit")
    check_html(sys.argv[2] + ".html")
    check_markdown(sys.argv[2] + ".markdown")
else:
    pictures(*sys.argv[2:])
