// What tasks say of themselves, in Chinese.
import type { RemarkTexts } from './remarks-en.ts';

export const remarksZh: RemarkTexts = {
  provider_stopped: '“{provider}”暂不接单：{reason}',
  provider_stopped_until: '“{provider}”暂不接单（至少到 {until}）：{reason}',
  provider_gone: '服务商“{provider}”已不在配置中。',
  model_gone: '服务商“{provider}”不再提供模型“{model}”。',
  address_gone: '任务发往“{provider}”的另一个地址（{addresses}），与现在的配置不同；恢复该地址后继续。',
  account_gone: '任务用的“{provider}”账号已不在配置中；恢复该账号后继续。',
  provider_silent: '“{provider}”没有回应：{detail}',
  store_away: '图片暂时无法保存：{detail}',
  cannot_stop: '该服务商无法中止任务，图片仍会送达并计费。',
  stop_unasked: '无法通知服务商：{detail}',
  stopped_too_late: '还没来得及中止，图片就完成了。',
  attempt_failed: '上一次尝试失败：{reason}',
  other: '{detail}',
};
