"""A client of our own that speaks the stream-json of Claude Code and asks the endpoint once in each turn."""

import json
import os
import sys
import urllib.request


def ask(prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    body = {"model": os.environ["ANTHROPIC_MODEL"], "max_tokens": 2000, "messages": messages}
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {os.environ['ANTHROPIC_AUTH_TOKEN']}",
        "anthropic-version": "2023-06-01",
    }
    url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return "".join(block.get("text", "") for block in json.load(answer)["content"])


for line in sys.stdin:
    result, error = "", False
    try:
        result = ask(json.loads(line)["message"]["content"])
    except OSError as problem:
        result, error = f"API Error: {problem}", True
    print(json.dumps({"type": "result", "result": result, "is_error": error}), flush=True)
