// Chinese texts of alerts.
import type { AlertMessages } from './alerts-en.ts';

export const alertsZh: AlertMessages = {
  kinds: {
    provider_down: {
      title: (name) => `服务商 ${name} 不可用`,
      fix: (name) => `逐步检查是哪一步失败：drawbridge providers test ${name}`,
    },
    provider_credentials: {
      title: (name) => `${name} 的凭据缺失或已失效`,
      fix: (name) => `换上新的凭据，无需重启：drawbridge providers set-secret ${name}`,
    },
    failure_rate: {
      title: (name) => `${name} 的任务大量失败`,
      fix: (name) => `drawbridge providers show ${name}，并查看最近失败的任务：drawbridge tasks list`,
    },
    oldest_waiting: {
      title: (name) => `等待 ${name} 的任务积压过久`,
      fix: (name) =>
        `drawbridge status 和 drawbridge providers show ${name}；要同时处理更多，请调大该服务商的 concurrency。`,
    },
    disk_low: {
      title: (name) => `${name}所在磁盘即将用满`,
      fix: () => '清理或扩容磁盘，或清空回收站：drawbridge gc',
    },
    ledger_mismatch: {
      title: () => '账本不平',
      fix: () => 'drawbridge credits verify 会列出每一行；缓存余额有误时：drawbridge doctor --fix',
    },
    watchdog_repairs: {
      title: () => '看门狗修复了卡住的任务',
      fix: () => 'GET /v1/admin/watchdog/runs 记录了发现的问题和原因。',
    },
  },
  test: {
    title: '这是一条测试消息',
    detail: '本服务器的告警会发送到这里。',
  },
  heading: { opened: '告警', recovered: '已恢复', test: '测试' },
  what: {
    failures: (failed, ended, minutes) => `最近 ${minutes} 分钟内 ${ended} 个任务中有 ${failed} 个失败。`,
    waiting: (minutes) => `最早的任务已等待 ${minutes} 分钟。`,
    disk: (percent, megabytes) => `剩余 ${percent}%（${megabytes} MB）。`,
    ledger: (count) => `有 ${count} 行不符合规则。`,
    repairs: (count) => `有 ${count} 个任务卡住，已修复。`,
    over: (minutes) => `历时 ${minutes} 分钟，现已恢复。`,
    todo: '处理办法',
    since: '开始时间',
  },
};
