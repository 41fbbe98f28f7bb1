import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ReplicatorError } from '../../src/replicator/error.ts';
import { openSite } from '../../src/replicator/site.ts';
import { openStore } from '../../src/replicator/store.ts';
import { serviceKey, tiny } from './world.ts';

// One action on a store in a process of its own, which may end itself at a durable step or run into a limit of
// its shell. Prints a line of JSON: {steps} after success, {code, message} after a ReplicatorError.

const orderSchema = z.object({
  source: z.string(),
  target: z.string(),
  action: z.enum(['sync', 'prune', 'restore']),
  /** The number of the durable step after which the process kills itself; 0: never. */
  killAt: z.int(),
  /** The name of the machine that a restore makes. */
  restoreTo: z.string().default('made'),
});
/** What the process is told on its command line. */
export type Order = z.input<typeof orderSchema>;

const order = orderSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const steps: string[] = [];
const store = await openStore({
  root: order.target,
  replicationId: 'replication-1',
  serviceKey,
  connectionType: 'ENCRYPTED_COMPRESSED',
  create: true,
  geometry: tiny,
  onDurableStep(step, path) {
    steps.push(`${step} ${join(basename(dirname(path)), basename(path))}`);
    if (steps.length === order.killAt) process.kill(process.pid, 'SIGKILL');
  },
});
try {
  if (order.action === 'sync') {
    const machine = await (await openSite(order.source)).readMachine('id-db');
    await store.sync({ syncId: 'last', machine, disks: machine.disks });
  }
  if (order.action === 'prune') {
    await store.removeInstances(['first']);
    await store.prune();
  }
  if (order.action === 'restore') {
    await store.restore({
      key: 'second',
      restoreId: 'restore-1',
      targetFolder: join(order.target, 'vms', order.restoreTo),
      machine: { id: 'made', name: 'made', powerState: 'POWERED_OFF' },
    });
  }
  process.stdout.write(`${JSON.stringify({ steps })}\n`);
} catch (error) {
  if (!(error instanceof ReplicatorError)) throw error;
  process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
}
