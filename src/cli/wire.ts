// The API's bodies as commands read them, by the contracts' own types; and what several commands show of them.
import type { z } from 'zod';
import type { accountSchema, keySchema } from '../accounts/contract.ts';
import type { balanceSchema, entrySchema } from '../credits/contract.ts';
import type { ResponseBody } from '../kernel/route.ts';
import type { uploadSchema } from '../media/contract.ts';
import type { DoctorReportBody, gcReportSchema, statusRoute } from '../operations/contract.ts';
import type { TaskBody } from '../tasks/contract.ts';

export type Account = z.output<typeof accountSchema>;
export type ApiKey = z.output<typeof keySchema>;
export type Balance = z.output<typeof balanceSchema>;
export type CreditEntry = z.output<typeof entrySchema>;
export type Upload = z.output<typeof uploadSchema>;
export type Task = TaskBody;
export type DoctorReport = DoctorReportBody;
export type GcReport = z.output<typeof gcReportSchema>;
export type ServerStatus = ResponseBody<typeof statusRoute, 200>;

export interface Page<Item> {
  data: Item[];
  next_cursor: string | null;
}

/** Credits as people write them: at most 6 decimal places, none that say nothing. */
export function creditText(credits: number): string {
  return credits.toFixed(6).replace(/\.?0+$/, '');
}
