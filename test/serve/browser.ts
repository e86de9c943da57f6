/** What a browser does of signing in: it follows redirects, keeps cookies, and says where a page is from. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Every address that it was at, the newest last. */
  readonly visited: string[] = [];

  /** Goes to an address as somebody who clicks on a link of another site, and on to where that leads. */
  async visit(url: string): Promise<Response> {
    let at = url;
    for (let i = 0; i < 12; i++) {
      this.visited.push(at);
      const response = await this.fetch(at, {
        headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' },
      });
      const location = response.headers.get('location');
      if (location === null) return response;
      await response.arrayBuffer();
      at = new URL(location, at).href;
    }
    throw new Error(`it is led around in circles: ${this.visited.join(' ')}`);
  }

  /** Stops where it is led to an address that begins so, and tells that. */
  async visitUntil(url: string, end: string): Promise<string> {
    let at = url;
    while (!at.startsWith(end)) {
      const response = await this.fetch(at, { headers: { 'sec-fetch-dest': 'document' } });
      await response.arrayBuffer();
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${at} leads nowhere: ${response.status}`);
      at = new URL(location, at).href;
    }
    return at;
  }

  /** Asks as a script of a page of the same origin. */
  ask(url: string, init: RequestInit = {}): Promise<Response> {
    const { origin } = new URL(url);
    const isPost = init.method === 'POST';
    const headers = { 'sec-fetch-site': 'same-origin', ...(isPost ? { origin } : {}) };
    return this.fetch(url, { ...init, headers: { ...headers, ...init.headers } });
  }

  /** Asks with its cookies, and no header besides that is not given. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, cookie: this.cookie };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #keep(line: string): void {
    const [pair = ''] = line.split(';');
    const at = pair.indexOf('=');
    const isOver = /; *(max-age=0|expires=Thu, 01 Jan 1970)/i.test(line) || at === pair.length - 1;
    if (isOver) this.cookies.delete(pair.slice(0, at));
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
}
