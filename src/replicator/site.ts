import { randomUUID } from 'node:crypto';
import { access, constants, lstat, mkdir, readdir, realpath, stat, statfs } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { flushFolder, remove, renameDurably } from './durable.ts';
import { ReplicatorError, systemCode, systemError, translated } from './error.ts';
import {
  type DiskFile,
  type MachineFile,
  type MachineFolder,
  machineFileName,
  type PowerState,
  readMachineFile,
  writeMachineFile,
} from './machine.ts';
import { isInside, isPlainName, regularFileInside } from './path.ts';

/** A machine or file of a site that cannot be used, and why. */
export interface SiteProblem {
  path: string;
  message: string;
}

/** A storage root: a folder whose `vms/` holds machines and whose `.drgraph/` is the replicator's. */
export interface SiteRoot {
  /** The real path of the folder. */
  readonly path: string;
  /** Every machine that can be used, by name, and a problem for each that cannot. */
  readMachines(): Promise<{ machines: MachineFolder[]; problems: SiteProblem[] }>;
  /** One machine by its native id; MACHINE_NOT_FOUND, or its problem as the error. */
  readMachine(nativeId: string): Promise<MachineFolder>;
  /** Makes a machine's folder with its `vm.json` in `vms/<name>`; its disks must be there or come later. */
  writeMachine(name: string, machine: MachineFile): Promise<void>;
  /** Writes the power state of the machine with this native id; a bare image has none and is refused. */
  setPowerState(nativeId: string, powerState: PowerState): Promise<void>;
  /** Removes the folder `vms/<name>` and all in it, at once for every reader. One that is gone is no error. */
  removeMachine(name: string): Promise<void>;
  /** Bytes that may still be written. */
  freeBytes(): Promise<number>;
  /** Removes what restores of tasks that no longer run have left behind; answers the names. */
  sweepDebris(liveIds: ReadonlySet<string>): Promise<string[]>;
}

const imageEndings = new Set(['.raw', '.img']);
/** VMware's first key of a hard disk; bare images count from here. */
const firstDiskKey = 2000;

/** Opens a site's folder; SITE_NOT_FOUND says what is wrong with it. */
export async function openSite(root: string): Promise<SiteRoot> {
  const path = await openRoot(root);
  const vms = join(path, 'vms');

  async function readMachines(): Promise<{ machines: MachineFolder[]; problems: SiteProblem[] }> {
    const machines: MachineFolder[] = [];
    const problems: SiteProblem[] = [];
    const taken = new Map<string, string>();
    for (const place of await findMachines(path)) {
      try {
        const machine = await readPlace(path, place);
        const first = taken.get(machine.nativeId);
        if (first !== undefined) {
          problems.push({
            path: place.path,
            message: `${place.path}: id: "${machine.nativeId}" is also the id of ${first}. Give one of them another id in vm.json.`,
          });
          continue;
        }
        taken.set(machine.nativeId, place.path);
        machines.push(machine);
      } catch (error) {
        if (!(error instanceof ReplicatorError)) throw error;
        problems.push({ path: place.path, message: error.message });
      }
    }
    return { machines, problems };
  }

  async function readMachine(nativeId: string): Promise<MachineFolder> {
    const { machines, problems } = await readMachines();
    const machine = machines.find((candidate) => candidate.nativeId === nativeId);
    if (machine) return machine;
    const hint = problems.length > 0 ? ` Not readable there: ${problems.map((p) => p.message).join(' ')}` : '';
    throw new ReplicatorError('MACHINE_NOT_FOUND', `No machine with the id "${nativeId}" lies in ${vms}.${hint}`);
  }

  return {
    path,
    readMachines,
    readMachine,
    async writeMachine(name, machine) {
      const folder = machineFolderPath(path, name);
      await translated('make', folder, () => mkdir(folder, { recursive: true }));
      await writeMachineFile(folder, machine);
    },
    async setPowerState(nativeId, powerState) {
      const machine = await readMachine(nativeId);
      if (machine.folder === null) {
        throw new ReplicatorError(
          'MACHINE_INVALID',
          `"${nativeId}" is a bare image without ${machineFileName}, so it has no power state to change. Put it in a folder with a ${machineFileName}.`,
        );
      }
      await writeMachineFile(machine.folder, { ...(await readMachineFile(machine.folder)), powerState });
    },
    async removeMachine(name) {
      const folder = machineFolderPath(path, name);
      if ((await entryOf(folder)) === null) return;
      const grave = join(await temporaryFolder(path), `removed-${randomUUID()}`);
      await renameDurably(folder, grave);
      await flushFolder(vms);
      await remove(grave);
    },
    async freeBytes() {
      const { bavail, bsize } = await translated('measure', path, () => statfs(path));
      return bavail * bsize;
    },
    async sweepDebris(liveIds) {
      const folder = await temporaryFolder(path);
      const dead = (await readdir(folder)).filter((name) => !liveIds.has(name));
      for (const name of dead) await remove(join(folder, name));
      return dead;
    },
  };
}

/** The folder of a machine by its name, refused when the name could lead elsewhere. */
export function machineFolderPath(root: string, name: string): string {
  if (!isPlainName(name)) {
    throw new ReplicatorError(
      'PATH_OUTSIDE_ROOT',
      `"${name}" cannot be the name of a machine's folder. Use a name without slashes that does not begin with a dot.`,
    );
  }
  return join(root, 'vms', name);
}

/** Where unfinished work of a site lies: on the same file system, so that one rename publishes it. */
export async function temporaryFolder(root: string): Promise<string> {
  const folder = join(root, '.drgraph', 'tmp');
  await translated('make', folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  const real = await realpath(folder);
  if (!isInside(root, real)) {
    throw new ReplicatorError('PATH_OUTSIDE_ROOT', `${folder} leads to ${real}, outside of the site ${root}.`);
  }
  return real;
}

/** A path's entry without following a link, or null when nothing is there. */
export async function entryOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw systemError(error, 'look at', path);
  }
}

async function openRoot(root: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new ReplicatorError('SITE_NOT_FOUND', `The site's folder ${root} ${why}.`, { cause });
  let path: string;
  try {
    path = await realpath(root);
    if (!(await stat(path)).isDirectory()) throw refuse('is not a folder');
  } catch (error) {
    if (error instanceof ReplicatorError) throw error;
    throw refuse(
      systemCode(error) === 'ENOENT' ? 'does not exist. Make it or correct the path' : 'cannot be opened',
      error,
    );
  }
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refuse('may not be read and written by this service. Give it the rights', error);
  }
  return path;
}

/** The machine in one folder of a site. */
export async function readMachineFolder(root: string, folder: string): Promise<MachineFolder> {
  return await readPlace(root, { kind: 'folder', path: folder });
}

type Place = { kind: 'folder' | 'image'; path: string };

/** Folders of `vms/`, and bare images there and in the root, in a stable order: the first of two equal ids is kept. */
async function findMachines(root: string): Promise<Place[]> {
  const places: Place[] = [];
  for (const folder of [join(root, 'vms'), root]) {
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (isImage(entry.name) && !entry.isDirectory()) places.push({ kind: 'image', path });
      else if (folder !== root && (entry.isDirectory() || entry.isSymbolicLink()))
        places.push({ kind: 'folder', path });
    }
  }
  return places;
}

async function entriesOf(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw systemError(error, 'read', folder);
  }
}

const isImage = (name: string) => isPlainName(name) && imageEndings.has(extname(name).toLowerCase());

async function readPlace(root: string, place: Place): Promise<MachineFolder> {
  if (place.kind === 'image') {
    const disks = await openDisks(root, dirname(place.path), [{ key: firstDiskKey, file: basename(place.path) }]);
    return bareMachine(relative(root, place.path), basename(place.path, extname(place.path)), disks);
  }
  const folder = await translated('open', place.path, () => realpath(place.path));
  if (!isInside(root, folder)) {
    throw new ReplicatorError('PATH_OUTSIDE_ROOT', `${place.path} leads to ${folder}, outside of the site ${root}.`);
  }
  const entries = await entriesOf(folder);
  if (!entries.some((entry) => entry.name === machineFileName)) {
    const images = entries.filter((entry) => isImage(entry.name)).map((entry) => entry.name);
    if (images.length === 0) {
      throw new ReplicatorError(
        'MACHINE_INVALID',
        `${place.path} has neither ${machineFileName} nor a *.raw or *.img file, so it is no machine.`,
      );
    }
    const disks = images.map((file, index) => ({ key: firstDiskKey + index, file }));
    return bareMachine(relative(root, place.path), basename(place.path), await openDisks(root, folder, disks));
  }
  await regularFileInside(root, folder, machineFileName);
  const { id, disks, origin, ...facts } = await readMachineFile(folder);
  return {
    nativeId: id,
    name: facts.name ?? basename(place.path),
    organization: facts.organization ?? null,
    description: facts.description ?? null,
    cpus: facts.cpus ?? null,
    coresPerSocket: facts.coresPerSocket ?? null,
    memoryMb: facts.memoryMb ?? null,
    nics: facts.nics,
    powerState: facts.powerState,
    folder,
    disks: await openDisks(root, folder, disks),
    origin: origin ?? null,
  };
}

function bareMachine(nativeId: string, name: string, disks: DiskFile[]): MachineFolder {
  return {
    nativeId,
    name,
    organization: null,
    description: null,
    cpus: null,
    coresPerSocket: null,
    memoryMb: null,
    nics: [],
    powerState: 'POWERED_OFF',
    folder: null,
    disks,
    origin: null,
  };
}

async function openDisks(root: string, folder: string, disks: { key: number; file: string }[]): Promise<DiskFile[]> {
  const opened: DiskFile[] = [];
  for (const { key, file } of disks) {
    const path = await regularFileInside(root, folder, file);
    opened.push({ key, file, path, sizeBytes: (await stat(path)).size });
  }
  return opened;
}
