"""Plans as models write them: what each is, the text, and what it has to be read as.

An expected task is ``id kind`` and, after ``<``, the tasks it depends on, in order.
"""

__all__ = ["WRITTEN_PLANS"]

TWO = "t1 search; t2 summarize < t1"
TYPED = '{"tasks": [{"id": "t1", "kind": "search", "arguments": {"query": "tea"}}, '
TYPED += '{"id": "t2", "kind": "summarize", "arguments": {"text": {"ref": "t1"}}}]}'
LIST = TYPED[len('{"tasks": ') : -1]
GPT = '[{"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "cat.png"}}, '
GPT += '{"task": "text-to-speech", "id": 1, "dep": [0], "args": {"text": "<GENERATED>-0"}}]'
GPT_TWO = "0 image-to-text; 1 text-to-speech < 0"
CALLS = '1. search(query="tea")\n2. summarize(text="$1")\n3. join()'
CALLS_TWO = "1 search; 2 summarize < 1"
NODES = '{"task_steps": ["Step 1: hear"], "task_nodes": [{"task": "Hear", "arguments": ["a.wav"]}, '
NODES += '{"task": "Tell", "arguments": [{"name": "text", "value": "<node-0>"}]}], '
NODES += '"task_links": [{"source": "Hear", "target": "Tell"}]}'
NODES_TWO = "0 Hear; 1 Tell < 0"


def nodes(*tasks, links=""):
    """Return a TaskBench plan of ``(kind, argument)``."""
    listed = ", ".join(f'{{"task": "{kind}", "arguments": ["{argument}"]}}' for kind, argument in tasks)
    pairs = [link.split(">") for link in links.split()]
    linked = ", ".join(f'{{"source": "{source}", "target": "{target}"}}' for source, target in pairs)
    return f'{{"task_nodes": [{listed}], "task_links": [{linked}]}}'


WRITTEN_PLANS = [
    # Fences and prose
    ("typed", TYPED, TWO),
    ("typed list alone", LIST, TWO),
    ("fence with a language", f"```json\n{TYPED}\n```", TWO),
    ("fence without a language", f"```\n{LIST}\n```", TWO),
    ("tilde fence", f"~~~json\n{LIST}\n~~~", TWO),
    ("fence in one line", f"```json {TYPED} ```", TWO),
    ("fence that never closes", f"Here it is:\n```json\n{TYPED}", TWO),
    ("indented fence", f"  ```json\n  {TYPED}\n  ```", TWO),
    ("prose before", f"Sure! This is the plan: {TYPED}", TWO),
    ("prose after", f"{TYPED}\nLet me know if I should change it.", TWO),
    ("prose around a fence", f"I'd do this:\n\n```json\n{TYPED}\n```\n\nIt isn't hard.", TWO),
    ("prose with brackets before", f"Using [search] and {{summarize}}: {TYPED}", TWO),
    ("prose with a Markdown link", f"As in [the docs](https://example.com/a): {LIST}", TWO),
    ("another fence first", f"Run\n```sh\nls [a-z]\n```\nand\n```json\n{TYPED}\n```", TWO),
    ("reasoning first", f'<think>Maybe [{{"task": "x"}}]? No.</think>{TYPED}', TWO),
    ("reasoning without its beginning", f'[{{"task": "x"}}] hm</think>\n{TYPED}', TWO),
    ("plan within another object", f'{{"thought": "ok", "answer": {TYPED}}}', TWO),
    ("list under plan", f'{{"plan": {LIST}}}', TWO),
    ("list under steps", f'{{"steps": {LIST}}}', TWO),
    ("byte order mark", f"\ufeff{TYPED}", TWO),
    ("windows line ends", f"```json\r\n{TYPED}\r\n```\r\n", TWO),
    # Not JSON to the letter
    ("trailing comma in the list", LIST[:-1] + ",]", TWO),
    ("trailing comma in an object", LIST.replace('"tea"}', '"tea",}'), TWO),
    ("missing comma between tasks", LIST.replace("}}, {", "}} {"), TWO),
    ("missing comma between members", LIST.replace('"t1", ', '"t1" '), TWO),
    ("single quotes", LIST.replace('"', "'"), TWO),
    ("typographic quotes", LIST.replace('"tea"', "“tea”"), TWO),
    ("Python literals", LIST.replace('"tea"', "None, 'exact': True"), TWO),
    ("Python assignment", f"plan = {LIST.replace(chr(34), chr(39))}", TWO),
    ("names without quotes", LIST.replace('"id"', "id").replace('"kind"', "kind"), TWO),
    ("values without quotes", LIST.replace('"search"', "search"), TWO),
    ("equals signs", LIST.replace('"kind": ', "kind="), TWO),
    ("line comment", LIST.replace("}}, ", "}}, // then\n"), TWO),
    ("hash comment", LIST.replace("}}, ", "}}, # then: [x]\n"), TWO),
    ("block comment", LIST.replace("}}, ", '}}, /* "x": { */ '), TWO),
    ("comment at the end", LIST + " // done", TWO),
    ("line break in a string", LIST.replace("tea", "green\ntea"), TWO),
    ("quotes in a string", LIST.replace("tea", 'the "best" tea'), TWO),
    ("apostrophe in single quotes", LIST.replace('"', "'").replace("tea", "the shop's tea"), TWO),
    ("unknown escape", LIST.replace("tea", "te\\a \\d+"), TWO),
    ("bracket forgotten", LIST.replace('{"ref": "t1"}}}', '{"ref": "t1"}}'), TWO),
    ("bracket too many", LIST.replace("}}, ", "}}}, "), TWO),
    ("triple quotes", LIST.replace('"tea"', '"""green\n"tea" """'), TWO),
    ("tuple of tasks", LIST.replace('{"query": "tea"}', '{"query": ("tea", "mate")}'), TWO),
    ("several objects without a list", LIST[1:-1].replace("}}, ", "}}\n"), TWO),
    ("an object a fence", "\n".join(f"```json\n{one}}}}}\n```" for one in LIST[1:-3].split("}}, ")), TWO),
    # Truncated
    ("cut in a string of the third", LIST[:-1] + ', {"id": "t3", "kind": "sen', TWO),
    ("cut before the last bracket", TYPED[:-1], TWO),
    ("cut before the last two", TYPED[:-2], TWO),
    ("cut after a comma", TYPED[:-2] + ", ", TWO),
    ("cut in the third task", TYPED[:-2] + ', {"id": "t3", "kind": "send", "arguments": {"to": "a', TWO),
    ("cut in a name", TYPED[:-2] + ', {"id": "t3", "ki', TWO),
    ("cut in the second task", TYPED[: TYPED.index('"summ')], "t1 search"),
    ("cut in a fence", f"```json\n{TYPED[:-2]}, {{'id': 't3'", TWO),
    ("cut HuggingGPT plan", GPT[:-1] + ', {"task": "x", "id": 2, "dep": [1], "args": {', GPT_TWO),
    ("cut call", CALLS.replace("join()", 'send(text="$2'), CALLS_TWO),
    # HuggingGPT
    ("HuggingGPT", GPT, GPT_TWO),
    ("HuggingGPT fenced", f"```json\n{GPT}\n```", GPT_TWO),
    ("HuggingGPT resource", GPT.replace("GENERATED", "resource"), GPT_TWO),
    ("HuggingGPT lower case", GPT.replace("GENERATED", "generated"), GPT_TWO),
    ("HuggingGPT underscore", GPT.replace("<GENERATED>-0", "<GENERATED>_0"), GPT_TWO),
    ("HuggingGPT without dep", GPT.replace(' "dep": [0],', ""), GPT_TWO),
    ("HuggingGPT without id", GPT.replace('"id": 0, ', "").replace('"id": 1, ', ""), GPT_TWO),
    ("HuggingGPT dep as a number", GPT.replace("[0]", "0").replace("[-1]", "-1"), GPT_TWO),
    ("HuggingGPT dep as text", GPT.replace("[0]", '["0"]'), GPT_TWO),
    ("HuggingGPT in text", GPT.replace("<GENERATED>-0", "Say: <GENERATED>-0!"), GPT_TWO),
    ("HuggingGPT without quotes", GPT.replace('"<GENERATED>-0"', "<GENERATED>-0"), GPT_TWO),
    ("HuggingGPT Python", GPT.replace('"', "'"), GPT_TWO),
    (
        "HuggingGPT two in one",
        '[{"task": "a", "id": 0, "dep": [-1], "args": {}}, {"task": "b", "id": 1, "dep": [-1], "args": {}}, '
        '{"task": "c", "id": 2, "dep": [0, 1], "args": {"text": "<GENERATED>-0,<GENERATED>-1"}}]',
        "0 a; 1 b; 2 c < 0 1",
    ),
    # LLMCompiler
    ("calls", CALLS, CALLS_TWO),
    ("calls with thoughts", "Thought: look it up.\n" + CALLS.replace("\n2", "\nThought: now\n2"), CALLS_TWO),
    ("calls with an end mark", CALLS + "<END_OF_PLAN>", CALLS_TWO),
    ("calls fenced", f"```\n{CALLS}\n```", CALLS_TWO),
    ("calls by position", '1. search("tea")\n2. summarize("$1")', CALLS_TWO),
    ("call reference without quotes", '1. search("tea")\n2. summarize($1)', CALLS_TWO),
    ("call reference in braces", '1. search("tea")\n2. summarize("${1}")', CALLS_TWO),
    ("call reference with a field", '1. search("tea")\n2. summarize($1.text)', CALLS_TWO),
    ("call reference with a key", '1. search("tea")\n2. summarize($1["text"])', CALLS_TWO),
    ("call references in a list", '1. a("x")\n2. b("y")\n3. c([$1, "$2"])', "1 a; 2 b; 3 c < 1 2"),
    ("call references in text", '1. a(1)\n2. a(2)\n3. math("$1 + ${2}")', "1 a; 2 a; 3 math < 1 2"),
    ("a price is no reference", '1. search("under $5 or $1.50")\n2. summarize($1)', CALLS_TWO),
    ("calls with parentheses", "1) search('tea')\n2) summarize('$1')\n3) join($2)", CALLS_TWO),
    ("call with a comment", '1. search("tea") # first\n2. summarize("$1") # then', CALLS_TWO),
    ("call with an object", '1. search({"task": "tea"})\n2. summarize($1)', CALLS_TWO),
    ("call over lines", '1. search(\n  "tea",\n  limit=3,\n)\n2. summarize($1)', CALLS_TWO),
    # TaskBench
    ("nodes", NODES, NODES_TWO),
    ("nodes underscore", NODES.replace("<node-0>", "<node_0>"), NODES_TWO),
    ("nodes capital", NODES.replace("<node-0>", "<Node-0>.output"), NODES_TWO),
    ("nodes by words", NODES.replace("<node-0>", "<output of node-0>"), NODES_TWO),
    ("nodes by step", NODES.replace("<node-0>", "<output_of_step_1>"), NODES_TWO),
    ("nodes by kind", NODES.replace("<node-0>", "<output_of_Hear_task>"), NODES_TWO),
    ("nodes as code", NODES.replace("<node-0>", "task_nodes[0].output"), NODES_TWO),
    ("nodes as code in braces", NODES.replace("<node-0>", "${TaskNodes[0].outputs['output']}"), NODES_TWO),
    ("nodes by kind in braces", NODES.replace("<node-0>", "${Hear.output}"), NODES_TWO),
    ("nodes by step in braces", NODES.replace("<node-0>", "${Step 1.output}"), NODES_TWO),
    ("nodes linked in other letters", NODES.replace('"source": "Hear"', '"source": "hear"'), NODES_TWO),
    ("nodes links alone", NODES.replace("<node-0>", "it"), NODES_TWO),
    ("nodes references alone", nodes(("Hear", "a.wav"), ("Tell", "<node-0>")), NODES_TWO),
    (
        "nodes twice a tool",
        nodes(("A", "x"), ("B", "<node-0>"), ("A", "<node-1>"), links="A>B B>A"),
        "0 A; 1 B < 0; 2 A < 1",
    ),
    (
        "nodes from one",
        nodes(("A", "x"), ("B", "<node-1>"), ("C", "<node-2>"), links="A>B B>C"),
        "0 A; 1 B < 0; 2 C < 1",
    ),
    ("nodes linked by number", nodes(("A", "x"), ("B", "y"), links="0>1"), "0 A; 1 B < 0"),
    # Other names
    ("tool calls", '[{"name": "search", "arguments": "{\\"q\\": 1}"}]', "1 search"),
    (
        "functions",
        '[{"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}]',
        "c1 search",
    ),
    (
        "tool and depends_on",
        '[{"tool": "a", "id": 1}, {"tool": "b", "id": 2, "depends_on": [1], "input": "x"}]',
        "1 a; 2 b < 1",
    ),
    (
        "steps with words",
        '[{"step": 1, "action": "a", "params": {}}, {"step": 2, "action": "b", "params": {"x": "$1"}}]',
        "1 a; 2 b < 1",
    ),
    (
        "ids with spaces",
        '[{"task": "a", "id": "step 1"}, {"task": "b", "id": "step 2", "deps": "step 1"}]',
        "step_1 a; step_2 b < step_1",
    ),
    (
        "tasks by id",
        '{"tasks": {"t1": {"kind": "search"}, "t2": {"kind": "summarize", "after": ["t1"]}}}',
        TWO,
    ),
    ("reference as dollar", TYPED.replace('{"ref": "t1"}', '{"ref": "$t1"}'), TWO),
    ("reference as a name", TYPED.replace('{"ref": "t1"}', '"$t1"'), TWO),
    ("reference in text", TYPED.replace('{"ref": "t1"}', '"About ${t1.text}"'), TWO),
    ("reference in a list", TYPED.replace('{"ref": "t1"}', '[{"a": ["x", {"ref": "t1.0"}]}]'), TWO),
    ("numbers as ids", LIST.replace('"t1"', "1").replace('"t2"', "2"), CALLS_TWO),
]
