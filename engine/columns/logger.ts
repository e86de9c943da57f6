/** Where the column store tells what went wrong and was mended; `pino` fits. */
export interface ColumnLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export const silentLogger: ColumnLogger = { info() {}, warn() {}, error() {} };
