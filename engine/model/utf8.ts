/** Text as it stands: a byte order mark at its start is a character of it, or two keys could look alike. */
export const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
