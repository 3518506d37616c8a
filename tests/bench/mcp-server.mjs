// The smallest MCP server over stdio that mcp-proxy can stand in front of: one tool, `echo`, with the
// answer that the other servers' vendor gives.
import { createInterface } from "node:readline";

const answer = process.argv[2];
const results = {
    initialize: ({ protocolVersion }) => ({
        protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "bench", version: "1.0.0" },
    }),
    "tools/list": () => ({ tools: [{ name: "echo", inputSchema: { type: "object" } }] }),
    "tools/call": () => ({ content: [{ type: "text", text: answer }] }),
    ping: () => ({}),
};

for await (const line of createInterface({ input: process.stdin })) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) continue;
    const result = results[method];
    const reply = result ? { result: result(params ?? {}) } : { error: { code: -32601, message: method } };
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, ...reply }) + "\n");
}
