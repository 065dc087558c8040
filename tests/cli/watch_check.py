"""Looks at the page of --watch until it shows what it must.

usage: watch_check.py oracle|fuzz|soak URL
"""

import json
import sys
import urllib.error
import urllib.request


def get(url, host=None):
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    with urllib.request.urlopen(request) as reply:
        return reply.headers, reply.read().decode()


def until(url, shows):
    """The first report that shows it; the test's own limit ends this."""
    while True:
        try:
            report = json.loads(get(url + "report.json")[1])
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            continue
        if shows(report):
            return report


def executions(report):
    return sum(one.get("executions", 0) for one in report["harnesses"])


def main():
    verb, url = sys.argv[1:]
    if verb == "oracle":
        report = until(url, lambda one: one["findings"])
        assert report["summary"]["status"] == "failed", report["summary"]
        assert report["findings"][0]["signature"].startswith("append: "), report["findings"]
    elif verb == "fuzz":
        before = executions(until(url, lambda one: executions(one) > 0))
        report = until(url, lambda one: executions(one) > before)
        assert report["summary"]["status"] == "unknown", report["summary"]
    else:
        report = until(url, lambda one: len(one["samples"]) > 1)
    assert report["results"][-1]["name"] == "the end of the run", report["results"]
    headers, page = get(url)
    assert headers["Refresh"] == "2", headers
    assert "it goes on: this page renews itself" in page, page
    assert "<script" not in page
    try:
        get(url, "evil.example")
        sys.exit("a page of another site can read the report")
    except urllib.error.HTTPError as error:
        assert error.code == 403, error


main()
