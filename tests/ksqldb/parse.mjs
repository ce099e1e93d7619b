// SPDX-License-Identifier: Apache-2.0

// Parses statements of ksqlDB from standard input by ksqlDB's own grammar, SqlBase.g4, from which ksql-lint has its parser. Prints a
// JSON object: `errors`, each with its line; `statements`, each with its kind, name, columns and options; and `types`, all names of
// simple types, which in this grammar are any identifiers. The exit code is 1 if there are errors. It has to lie beside node_modules.

import { readFileSync } from "node:fs";
import antlr4 from "antlr4";
import Lexer from "ksql-lint/lib/SqlBaseLexer.js";
import Parser from "ksql-lint/lib/SqlBaseParser.js";
import CaseInsensitiveStream from "ksql-lint/src/CaseInsensitiveStream.js";

const errors = [];

class Listener extends antlr4.error.ErrorListener {
  syntaxError(_recognizer, _symbol, line, column, message) {
    errors.push(`${line}:${column} ${message}`);
  }
}

function listening(recognizer) {
  recognizer.removeErrorListeners();
  recognizer.addErrorListener(new Listener());
  return recognizer;
}

const text = readFileSync(0, "utf8");
const lexer = listening(new Lexer(new CaseInsensitiveStream(new antlr4.InputStream(text))));
const parser = listening(new Parser(new antlr4.CommonTokenStream(lexer)));
const tree = parser.statements();

const types = new Set();
function collect(context) {
  if (context instanceof Parser.BaseTypeContext) {
    types.add(context.getText());
  }
  (context.children ?? []).forEach(collect);
}
collect(tree);

const bare = (name) => name.replace(/^`|`$/g, "");
const statements = errors.length > 0 ? [] : tree.singleStatement().map((single) => {
  const statement = single.statement();
  const columns = statement.tableElements?.()?.tableElement() ?? [];
  const options = statement.tableProperties?.()?.tableProperty() ?? [];
  return {
    kind: statement.constructor.name.replace(/Context$/, ""),
    isSource: Boolean(statement.SOURCE?.()),
    name: bare(statement.sourceName().getText()),
    columns: columns.map((column) => ({
      name: bare(column.identifier().getText()),
      type: column.type().getText(),
      constraint: column.columnConstraints()?.getText() ?? null,
    })),
    options: Object.fromEntries(options.map((option) => [option.children[0].getText(), option.literal().getText()])),
  };
});
console.log(JSON.stringify({ errors, statements, types: [...types].sort() }));
process.exitCode = errors.length > 0 ? 1 : 0;
