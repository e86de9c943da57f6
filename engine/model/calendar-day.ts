/** Whether there is a day of a text like "2026-02-28"; JavaScript takes February 30 for March 2. */
export function isCalendarDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
