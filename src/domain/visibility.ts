import type { Prisma } from '../../prisma/client/client.ts';
import type { Viewer } from './viewer.ts';

// The one place that says what a viewer may see. Every read of the graph and every look-up of an action's object goes
// through here. Today whoever is signed in sees everything; tenants narrow these filters, and nothing else.

/** Tasks that the viewer may see. */
export function visibleTasks(_viewer: Viewer): Prisma.TaskWhereInput {
  return {};
}

/** Whether the viewer might see a task that is deleted by now, whose last event says whose it was. */
export function mightSeeDeletedTask(_viewer: Viewer, _task: { organizationId: string | null }): boolean {
  return true;
}

/** Replications that the viewer may see. */
export function visibleReplications(_viewer: Viewer): Prisma.ReplicationWhereInput {
  return {};
}

/** Recovery points that the viewer may see. */
export function visibleInstances(_viewer: Viewer): Prisma.InstanceWhereInput {
  return {};
}

/** Machines that the viewer may see. */
export function visibleVirtualMachines(_viewer: Viewer): Prisma.VirtualMachineWhereInput {
  return {};
}

/** Sites that the viewer may see. */
export function visibleSites(_viewer: Viewer): Prisma.SiteWhereInput {
  return {};
}

/** Organizations that the viewer may see. */
export function visibleOrganizations(_viewer: Viewer): Prisma.OrganizationWhereInput {
  return {};
}

/** Providers that the viewer may see. */
export function visibleProviders(_viewer: Viewer): Prisma.ProviderWhereInput {
  return {};
}
