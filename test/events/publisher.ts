// A process of the tests that commits events: the numbers from and to, one a transaction, then says so and ends.
import { z } from 'zod';
import { openSetting, range } from './setting.ts';

const { url, from, to } = z
  .object({ url: z.string(), from: z.int(), to: z.int() })
  .parse(JSON.parse(process.argv[2] ?? ''));
const setting = await openSetting(url);
await setting.record(range(from, to));
await setting.close();
