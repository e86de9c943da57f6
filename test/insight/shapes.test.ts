import { getOperationAST, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { sqlShape } from '../../resolvers/insight/sql-shape.ts';
import { shapeOf, shapeWith } from '../../src/api/graphql/operation-shapes.ts';

function shape(source: string, name?: string) {
  const document = parse(source);
  const operation = getOperationAST(document, name);
  if (!operation) throw new Error(`no operation ${name}`);
  return shapeOf(document, operation);
}

describe('the shape of an operation', () => {
  test('is the same whatever its values and layout are, and holds none of them', () => {
    const one = shape('query Q { a(x: 1, in: ["p", "q"], where: {s: "secret"}) { b } }');
    const two = shape('query Q {\n  a(x: -2.5, in: [], where: {s: """other"""}) { b }\n}');
    expect(two).toEqual(one);
    expect(one.name).toBe('Q');
    expect(one.text).not.toMatch(/secret|"p"|1/);
  });

  test('differs with fields, arguments, variables and directives', () => {
    const shapes = [
      '{ a }',
      '{ b }',
      '{ a(x: 1) }',
      'query ($x: Int) { a(x: $x) }',
      '{ a @skip(if: true) }',
    ];
    expect(new Set(shapes.map((source) => shape(source).fingerprint)).size).toBe(shapes.length);
  });

  test('is of the operation that runs, with the fragments it uses and no others', () => {
    const source =
      'query A { ...F } query B { ...G } fragment F on Query { a } fragment G on Query { b }';
    expect(shape(source, 'A').text).toContain('fragment F');
    expect(shape(source, 'A').text).not.toContain('fragment G');
    expect(shape(source, 'A').fingerprint).not.toBe(shape(source, 'B').fingerprint);
  });

  test('is cut where its text is long, and told apart by all of it', () => {
    const max = limits.operationTextLengthMax;
    const fields = Array.from({ length: max / 8 }, (_, i) => `field${1_000 + i}`);
    const [long, longer] = [shape(`{ ${fields.join(' ')} }`), shape(`{ ${fields.join(' ')} z }`)];
    expect(long.text).toHaveLength(max + 1);
    expect(longer.text).toBe(long.text);
    expect(longer.fingerprint).not.toBe(long.fingerprint);
  });

  test('has the SQL that it runs, by the shape of that', () => {
    const document = shape('query ($q: String!) { sql(query: $q) { rows } }');
    const one = shapeWith(document, [sqlShape('SELECT 1')]);
    expect(shapeWith(document, [sqlShape('select 1')]).fingerprint).not.toBe(one.fingerprint);
    expect(shapeWith(document, [sqlShape('SELECT 2')])).toEqual(one);
    expect(one.text).toMatch(/^SELECT \? -- query/);
    expect(shapeWith(document, [])).toBe(document);
  });
});

describe('the shape of SQL', () => {
  test.each([
    ["SELECT 'it''s', 1.5e3, 0xff, -7", 'SELECT ?…, -?'],
    ['SELECT a1, t2.c3 FROM t4 -- why\n WHERE x = 5', 'SELECT a1, t2.c3 FROM t4 WHERE x = ?'],
    ['SELECT `a 1`, "b 2" /* 3 */ FROM t', 'SELECT `a 1`, "b 2" FROM t'],
    ['x IN (1, 2,3)', 'x IN (?…)'],
    ["x IN ('a\\'b', 'c')", 'x IN (?…)'],
    ["SELECT '-- no comment'", 'SELECT ?'],
    ["SELECT 'never closed", 'SELECT ?'],
    ['SELECT /* never closed', 'SELECT'],
  ])('of %s is %s', (sql, expected) => {
    expect(sqlShape(sql)).toBe(expected);
  });
});
