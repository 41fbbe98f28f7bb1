import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyInventory, databaseNow } from './apply-inventory.ts';
import type { Domain, Tx } from './context.ts';
import { ensureLocalProvider } from './local-provider.ts';
import { connectorOf, siteAddress } from './replication-address.ts';
import { lockProvider } from './site.ts';

/** The sample's disk: mostly holes, so that it costs little and copies fast. */
const diskBytes = 64 * 2 ** 20;
/** Data in the middle of the disk, so that there is something to transfer. */
const dataBytes = 8 * 2 ** 20;

const greeting = `Hello from web-01.
This text is the start of the sample disk: change it, synchronize, and find both versions at the recovery site.
`;

/**
 * Makes the sample: two sites below `<dataDir>/sites`, and on the first a machine whose disk begins with a text that a
 * person can change. Only where the database has no site yet; says whether it made one.
 */
export async function createSample(domain: Domain, dataDir: string): Promise<boolean> {
  const { id: providerId } = await ensureLocalProvider(domain);
  return domain.prisma.$transaction(
    async (tx) => {
      // Two services that start at once on an empty database make it once.
      await lockProvider(tx, providerId);
      if ((await tx.site.count({ take: 1 })) > 0) return false;
      const roots = { primary: join(dataDir, 'sites', 'primary'), recovery: join(dataDir, 'sites', 'recovery') };
      for (const root of Object.values(roots)) await mkdir(join(root, 'vms'), { recursive: true });
      await makeMachine(join(roots.primary, 'vms'));
      for (const [name, root] of Object.entries(roots)) await addSite(domain, tx, providerId, name, root);
      return true;
    },
    { timeout: 60_000, maxWait: 60_000 },
  );
}

/** Whole or not at all: a start that was cut short makes it anew. */
async function makeMachine(vms: string): Promise<void> {
  const folder = join(vms, 'web-01');
  if (await stat(folder).catch(() => null)) return;
  const unfinished = join(vms, '.web-01.new');
  await mkdir(unfinished, { recursive: true });
  await using disk = await open(join(unfinished, 'disk.raw'), 'w');
  await disk.truncate(diskBytes);
  await disk.write(greeting, 0);
  await disk.write(randomBytes(dataBytes), 0, dataBytes, diskBytes / 2);
  await disk.sync();
  await writeFile(
    join(unfinished, 'vm.json'),
    `${JSON.stringify(
      {
        id: 'web-01',
        name: 'web-01',
        organization: 'Example Ltd',
        description: 'The sample machine. Change the first lines of disk.raw and synchronize.',
        cpus: 2,
        coresPerSocket: 1,
        memoryMb: 2048,
        nics: [{ name: 'eth0', network: 'default', macAddress: '52:54:00:12:34:56', connected: true }],
        powerState: 'POWERED_ON',
        disks: [{ key: 2000, file: 'disk.raw' }],
      },
      null,
      2,
    )}\n`,
  );
  await rename(unfinished, folder);
}

// With its inventory, so that the machine is there when the service says that it is ready.
async function addSite(domain: Domain, tx: Tx, providerId: string, name: string, root: string): Promise<void> {
  const provider = await tx.provider.findUniqueOrThrow({ where: { id: providerId } });
  const connector = connectorOf(domain, provider);
  const { path } = (await connector.folders?.inspect(root)) ?? { path: root };
  const readAt = await databaseNow(tx);
  const site = await tx.site.create({ data: { providerId, name, type: 'ON_PREMISES', path } });
  const inventory = await connector.readInventory(siteAddress(site), { signal: AbortSignal.timeout(30_000) });
  await applyInventory(tx, { siteId: site.id, readAt, inventory });
  await tx.provider.update({ where: { id: providerId }, data: { lastSyncedAt: readAt } });
}
