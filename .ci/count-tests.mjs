// Prints "N passed, N failed, N skipped" from vitest's JSON report. Fails when no test ran.
import { readFileSync } from 'node:fs';

function readReport(path) {
  const none = { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  try {
    return { ...none, ...JSON.parse(readFileSync(path, 'utf8')) };
  } catch {
    return none;
  }
}

const report = readReport(process.argv[2]);
const passed = report.numPassedTests;
// A file that could not be loaded has failed without a single test.
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
).length;
const failed = report.numFailedTests + brokenFiles;
const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(passed > 0 && failed === 0 ? 0 : 1);
