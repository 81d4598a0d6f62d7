// Chinese texts of `drawbridge alerts`.
import type { AlertCliMessages } from './alert-cli-en.ts';

export const alertCliZh: AlertCliMessages = {
  summary: '查看值得通知的事件，以及是否已通知到人',
  list: '先列出未结束的警报，再列出已结束的',
  open: '只列出未结束的',
  limit: '最多列出多少条（1 到 200）',
  test: '向警报接收方发送一条测试；没有送达时退出码为 6',
  nobody: '没有通知对象：未设置 DRAWBRIDGE_ALERTS_WEBHOOK_URL。',
  receiver: (host, format) => `警报发往 ${host}（${format}）。`,
  none: '没有警报。',
  noneOpen: '没有未结束的警报。',
  columns: { state: '状态', since: '开始', over: '结束', told: '已通知', what: '内容' },
  isOpen: '未结束',
  isOver: '已结束',
  notices: {
    waiting: (tries) => `正在发送（已试 ${tries} 次）`,
    sent: () => '是',
    given_up: (tries) => `否，试了 ${tries} 次`,
    kept: () => '没有通知对象',
  },
  fix: '怎么办',
  arrived: (host) => `测试已送达 ${host}。`,
  notArrived: '测试没有送达',
  notArrivedFix:
    '请检查 DRAWBRIDGE_ALERTS_WEBHOOK_URL、DRAWBRIDGE_ALERTS_FORMAT 和 DRAWBRIDGE_ALERTS_PROXY。',
};
