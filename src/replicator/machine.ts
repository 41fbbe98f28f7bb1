import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type DurableSteps, writeFileDurably } from './durable.ts';
import { ReplicatorError, translated } from './error.ts';
import { isPlainPath } from './path.ts';

/** The file that makes a folder a machine. */
export const machineFileName = 'vm.json';

/** Text that can be stored and shown wherever the machine is. */
const text = z.string().refine((value) => !/[\0\p{Cs}]/u.test(value), 'has a NUL or half a surrogate pair');

const nicSchema = z.object({
  name: text.max(200).optional(),
  network: text.max(200).optional(),
  macAddress: text.max(60).optional(),
  ipAddresses: z.array(text.max(60)).max(64).optional(),
  connected: z.boolean().optional(),
});

const powerStateSchema = z.enum(['POWERED_ON', 'POWERED_OFF', 'SUSPENDED']);

/** Where a machine made by a restore came from. A repeated restore knows its own work by `restoreId`. */
const originSchema = z.object({ replicationId: z.string(), instanceKey: z.string(), restoreId: z.string() });

/** What a machine is beside its disks; kept in every manifest so that a restore can write it again. */
export const machineFactsSchema = z.object({
  nativeId: text.min(1).max(300),
  name: text.min(1).max(200),
  organization: text.max(200).nullable(),
  description: text.max(4000).nullable(),
  cpus: z.int().min(1).max(4096).nullable(),
  coresPerSocket: z.int().min(1).max(4096).nullable(),
  memoryMb: z.int().min(1).max(1_000_000_000).nullable(),
  nics: z.array(nicSchema).max(64),
  powerState: powerStateSchema,
});

const machineFileSchema = z.object({
  id: machineFactsSchema.shape.nativeId,
  name: machineFactsSchema.shape.name.optional(),
  organization: machineFactsSchema.shape.organization.optional(),
  description: machineFactsSchema.shape.description.optional(),
  cpus: machineFactsSchema.shape.cpus.optional(),
  coresPerSocket: machineFactsSchema.shape.coresPerSocket.optional(),
  memoryMb: machineFactsSchema.shape.memoryMb.optional(),
  nics: machineFactsSchema.shape.nics.default([]),
  powerState: powerStateSchema.default('POWERED_OFF'),
  disks: z
    .array(
      z.object({
        key: z.int().min(0).max(2_147_483_647),
        file: z.string().refine(isPlainPath, 'must be a relative path inside the folder of the machine, without ".."'),
      }),
    )
    .max(256)
    .superRefine((disks, context) => {
      for (const field of ['key', 'file'] as const) {
        if (new Set(disks.map((disk) => disk[field])).size < disks.length) {
          context.addIssue({ code: 'custom', message: `two disks have the same ${field}` });
        }
      }
    }),
  origin: originSchema.optional(),
});

/** A network card as `vm.json` describes it. */
export type MachineNic = z.infer<typeof nicSchema>;
/** Whether the machine runs. A bare image counts as powered off. */
export type PowerState = z.infer<typeof powerStateSchema>;
/** A machine without its disks. */
export type MachineFacts = z.infer<typeof machineFactsSchema>;
/** The replication and instance that a restored machine was made from. */
export type MachineOrigin = z.infer<typeof originSchema>;
/** The content of `vm.json`. */
export type MachineFile = z.infer<typeof machineFileSchema>;

/** A disk image of a machine. `path` is real (no links) and inside the site's root; `file` is relative to the folder. */
export interface DiskFile {
  key: number;
  file: string;
  path: string;
  sizeBytes: number;
}

/** A machine as it lies in a site. `folder` is null for a bare image, which has no settings to write. */
export interface MachineFolder extends MachineFacts {
  folder: string | null;
  disks: DiskFile[];
  origin: MachineOrigin | null;
}

/** The facts of a machine, without what belongs to its place. */
export function machineFacts(machine: MachineFacts): MachineFacts {
  return machineFactsSchema.parse(machine);
}

/** Reads and checks `vm.json` in a folder; every mistake is named with its field. */
export async function readMachineFile(folder: string): Promise<MachineFile> {
  const path = join(folder, machineFileName);
  const content = await translated('read', path, () => readSmallFile(path));
  let parsedContent: unknown;
  try {
    parsedContent = JSON.parse(content);
  } catch (error) {
    throw new ReplicatorError(
      'MACHINE_INVALID',
      `${path} is not JSON: ${error instanceof Error ? error.message : error}.`,
      {
        cause: error,
      },
    );
  }
  const parsed = machineFileSchema.safeParse(parsedContent);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole file'}: ${issue.message}`);
  throw new ReplicatorError('MACHINE_INVALID', `${path}: ${mistakes.join('; ')}.`, { cause: parsed.error });
}

/** A description is a few kilobytes. What is larger is something else, and would only fill the memory. */
const maxMachineFileBytes = 2 ** 20;

async function readSmallFile(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  if (size <= maxMachineFileBytes) return await file.readFile('utf8');
  throw new ReplicatorError(
    'MACHINE_INVALID',
    `${path} has ${size} bytes; a description has at most ${maxMachineFileBytes}. Write it anew.`,
  );
}

/** Writes `vm.json` whole or not at all. */
export async function writeMachineFile(folder: string, machine: MachineFile, steps?: DurableSteps): Promise<void> {
  await writeFileDurably({
    path: join(folder, machineFileName),
    temporary: join(folder, `.${machineFileName}.tmp`),
    content: Buffer.from(`${JSON.stringify(machine, null, 2)}\n`),
    ...(steps ? { steps } : {}),
  });
}
