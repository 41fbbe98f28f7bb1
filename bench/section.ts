import { readFile, writeFile } from 'node:fs/promises';

const readme = new URL('./README.md', import.meta.url);
const title = '# Benchmarks\n\nWhat `npm run bench` measured last, a section for each.\n';

/** Puts the text under the heading `## name` of bench/README.md, in place of what stood there. */
export async function writeSection(name: string, text: string): Promise<void> {
  let page = title;
  try {
    page = await readFile(readme, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const [head = '', ...sections] = page.split(/^(?=## )/m);
  const section = `## ${name}\n\n${text.trim()}\n`;
  const at = sections.findIndex((one) => one.startsWith(`## ${name}\n`));
  if (at < 0) sections.push(section);
  else sections[at] = section;
  await writeFile(
    readme,
    [head, ...sections]
      .map((part) => part.trim())
      .join('\n\n')
      .concat('\n'),
  );
}
