/**
 * Stands alone because it works around browsers: Chromium up to some version after 150 keeps for the life of a page that a
 * module could not be fetched (HTML, module map), so that its own address is never asked for again; another query makes it
 * another module. Its message names the address; browsers whose message does not ask again by themselves. Held by
 * `web/test/links.test.ts`.
 */
let turn = 0;

/** Imports a module, also where that failed before in this page. */
export async function importAgain<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const address = addressIn(String(error));
    if (address === undefined) throw error;
    turn++;
    return (await import(`${address}?again=${turn}`)) as Module;
  }
}

function addressIn(message: string): string | undefined {
  const found = /https?:\/\/\S+\/assets\/[\w.-]+\.js/.exec(message)?.[0];
  return found?.startsWith(`${location.origin}/`) ? found : undefined;
}
