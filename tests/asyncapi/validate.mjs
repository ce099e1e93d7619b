// SPDX-License-Identifier: Apache-2.0

// Reads an AsyncAPI document from standard input, and prints what AsyncAPI's own parser finds wrong with it, one line each. The
// exit code is 1 if that is anything. AsyncAPI's advice, which is no error, is not printed. It has to lie beside node_modules.

import { text } from "node:stream/consumers";

import { Parser } from "@asyncapi/parser";

const ERROR = 0;
const { document, diagnostics } = await new Parser().parse(await text(process.stdin));
const errors = diagnostics.filter((found) => found.severity === ERROR);
for (const { path, message } of errors) {
  console.log(`${path.join("/")}: ${message}`);
}
if (errors.length === 0 && document !== undefined) {
  console.log(`${document.version()}: ${document.allChannels().length} channels, ${document.allMessages().length} messages`);
}
process.exitCode = errors.length === 0 && document !== undefined ? 0 : 1;
