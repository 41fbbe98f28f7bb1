import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnsupportedError } from '../domain/error.ts';
import { syncInventory } from '../domain/inventory.ts';
import { registerSite, removeSite } from '../domain/site.ts';
import {
  failures,
  inputDescription,
  submissionFields,
  type TaskPayload,
  taskField,
  taskOptionFields,
  taskPayload,
  validateOnlyField,
} from './action.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { loadEntity } from './entity.ts';
import { rowId } from './global-id.ts';
import { Site } from './site.ts';

const SyncInventoryInput = builder.inputType('SyncInventoryInput', {
  description: 'What to read again.',
  fields: (t) => ({
    providerId: t.id({ required: true, description: 'Which provider: as `Provider.id` gave it.' }),
    siteId: t.id({ description: 'Only this site of it, as `Site.id` gave it. All its sites when not given.' }),
    ...taskOptionFields(t),
  }),
});

const SyncInventoryPayload = taskPayload('SyncInventoryPayload');

builder.mutationField('syncInventory', (t) =>
  t.field({
    type: SyncInventoryPayload,
    description:
      "Reads which machines a provider's sites hold now. Run it after changing a site's folder by hand. Needs the role OPERATOR.",
    errors: failures('syncInventory', [
      NotFoundError,
      ForbiddenError,
      InvalidInputError,
      UnsupportedError,
      ConflictError,
    ]),
    args: { input: t.arg({ type: SyncInventoryInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      syncInventory(context.domain, viewerOf(context), {
        ...input,
        providerId: rowId('Provider', input.providerId),
        siteId: input.siteId == null ? null : rowId('Site', input.siteId),
        operationId: context.operationId,
      }),
  }),
);

const RegisterSitePayload = builder
  .objectRef<TaskPayload & { siteId: string | null }>('RegisterSitePayload')
  .implement({
    description: 'The site is in use now; its machines are known when the task has succeeded.',
    fields: (t) => ({
      task: taskField(t),
      site: t.field({
        type: Site,
        nullable: true,
        description: 'The new site. Null when only validation was asked for.',
        resolve: ({ siteId }, _args, context, info) => (siteId ? loadEntity(context, info, 'Site', siteId) : null),
      }),
    }),
  });

const RegisterSiteInput = builder.inputType('RegisterSiteInput', {
  description: 'Which folder becomes a site.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'What to call it: 1 to 100 characters, unique among the sites in use.',
    }),
    path: t.string({
      required: true,
      description:
        'Absolute path of an existing folder apart from those of other sites. Machines are looked for in `vms/` below it.',
    }),
    ...submissionFields(t),
  }),
});

builder.mutationField('registerSite', (t) =>
  t.field({
    type: RegisterSitePayload,
    description:
      'Takes a folder of the machine that drgraph runs on into use as a site of the LOCAL provider, and reads its machines. Needs the role ADMINISTRATOR.',
    errors: failures('registerSite', [
      NotFoundError,
      ForbiddenError,
      InvalidInputError,
      UnsupportedError,
      ConflictError,
    ]),
    args: { input: t.arg({ type: RegisterSiteInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      registerSite(context.domain, viewerOf(context), { ...input, operationId: context.operationId }),
  }),
);

const RemoveSitePayload = builder.objectRef<{ siteId: string | null }>('RemoveSitePayload').implement({
  description: 'The site is no longer in use. Its folder was not touched.',
  fields: (t) => ({
    site: t.field({
      type: Site,
      nullable: true,
      description: 'The site, with `removedAt`. Null when only validation was asked for.',
      resolve: ({ siteId }, _args, context, info) => (siteId ? loadEntity(context, info, 'Site', siteId) : null),
    }),
  }),
});

const RemoveSiteInput = builder.inputType('RemoveSiteInput', {
  description: 'Which site to take out of use.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'As `Site.id` gave it.' }),
    validateOnly: validateOnlyField(t),
  }),
});

builder.mutationField('removeSite', (t) =>
  t.field({
    type: RemoveSitePayload,
    description:
      'Takes a site out of use; its folder stays as it is. Refused while replications go from or to it. Needs the role ADMINISTRATOR.',
    errors: failures('removeSite', [NotFoundError, ForbiddenError, ConflictError]),
    args: { input: t.arg({ type: RemoveSiteInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      removeSite(context.domain, viewerOf(context), { ...input, id: rowId('Site', input.id) }),
  }),
);
