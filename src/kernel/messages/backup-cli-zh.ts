// Chinese texts of backup and restore on the command line.
import type { backupCliEn } from './backup-cli-en.ts';

export const backupCliZh: typeof backupCliEn = {
  phases: { database: '数据库', pictures: '图片', check: '核对' },
  made: (id, folder) => `备份 ${id}，位于 ${folder}`,
  copied: (files, size, kept, seconds) =>
    `复制了 ${files} 个文件（${size}），${kept} 个早已存在，用时 ${seconds} 秒`,
  pruned: (files) => `已删除更早的备份，以及只有它们用到的 ${files} 个文件。`,
  missing: (count) =>
    `图片目录里有 ${count} 个文件缺失或损坏，因此备份里也没有。处理方法：drawbridge doctor --deep`,
  withoutKey:
    '备份里没有 secrets.key。请把这个文件另存一份：没有它，Webhook 密钥和运行时设置的服务商凭据只能重新设置。',
  withKey: '备份里有 secrets.key：拿到备份的人就能读取服务商凭据和 Webhook 密钥。',
  confidential: '备份里有密钥和私人图片：请放在别人读不到的地方。',
  none: '这个文件夹里没有完成的备份。',
  columns: { database: '数据库', files: '文件', size: '大小', missing: '缺失' },
  verified: (id, files) => `备份 ${id} 完好：已读取 ${files} 个文件和数据库。`,
  wrong: (id, count) => `备份 ${id} 有 ${count} 个损坏的文件。`,
  wrongFix: '如果原图完好，用这个命令替换损坏的副本：drawbridge backup <文件夹> --recheck',
  restored: (id, dataDir) => `备份 ${id} 已恢复到 ${dataDir}`,
  restoredFiles: (files, seconds) => `${files} 个文件，用时 ${seconds} 秒`,
  lost: (count) => `有 ${count} 个文件不在备份里，或在备份里已损坏：`,
  configuration: (path) => `设置不会恢复，密钥更不会。原来的设置：${path}`,
  needsKey: '如果有 Webhook，或曾在运行时设置服务商凭据，请在启动前把您保存的 secrets.key 放进数据目录。',
  paused: '在您查看数据并运行 drawbridge gc --resume 之前，不会清理任何东西',
  held: (count) =>
    `有 ${count} 个任务未完成；备份之后服务商可能已经做完。启动时服务商只做完手上的任务，不再接新任务，由您决定：先看 drawbridge tasks list，再取消任务，或运行 drawbridge providers undrain <名称>`,
  examining: '正在全面检查（doctor --deep）……',
  examined: (checks) => `共 ${checks} 项检查，没有错误。`,
  notExamined: '数据已恢复，但无法检查：',
  onlyHere: '备份要在存放数据的机器上进行；DRAWBRIDGE_URL 或 --url 指向另一台机器。',
  onlyHereFix: '请在那台机器上运行，不要设置 DRAWBRIDGE_URL。',
  keepFix: '请给出不小于 1 的整数。',
  faults: {
    busy: { title: '另一个备份、恢复或服务器正在使用那里', fix: '等它结束，或停止它。' },
    foreign_folder: {
      title: '文件夹里有别的东西',
      fix: '请用空文件夹，或 drawbridge backup 建立的文件夹。',
    },
    inside_data: {
      title: '放在数据目录里的备份会随数据一起丢失',
      fix: '请用别处的文件夹，最好在另一块磁盘上。',
    },
    no_data: { title: '这里没有可备份的数据库', fix: '检查 DRAWBRIDGE_DATA_DIR 或 --data-dir。' },
    no_volume: {
      title: '这些图片不属于这个数据库',
      fix: '请挂载存放图片的卷；位置由 DRAWBRIDGE_MEDIA_ROOT 指定。',
    },
    no_backup: { title: '没有这个备份', fix: '查看有哪些：drawbridge backup <文件夹> --list' },
    broken: {
      title: '备份已损坏',
      fix: '用更早的备份（drawbridge backup <文件夹> --list，再用 --id），并检查磁盘。',
    },
    not_empty: {
      title: '目标位置不是空的',
      fix: '请用空文件夹（--data-dir）或空数据库。已有的内容绝不会被替换。',
    },
    other_database: {
      title: '备份来自另一种数据库',
      fix: 'sqlite：不要设置 DATABASE_URL。postgres：让 DATABASE_URL 指向一个空数据库。',
    },
    newer_version: { title: '这个备份由更新的版本建立', fix: '请安装那个版本或更新的版本。' },
    no_space: { title: '空间不足', fix: '腾出空间后再运行同一命令：会从中断处继续。' },
    file_failed: { title: '有文件无法读取或写入', fix: '检查路径、权限和磁盘。' },
    tool_missing: {
      title: '缺少 PostgreSQL 的程序',
      fix: '请安装客户端程序（Debian：apt-get install postgresql-client），主版本不低于服务器。',
    },
    tool_failed: {
      title: 'PostgreSQL 的程序失败了',
      fix: '如果提示版本不符，请安装不低于服务器版本的客户端程序。',
    },
    no_database: { title: '无法连接数据库', fix: '检查 DATABASE_URL，并确认服务器在运行。' },
  },
  doctor: {
    backupTitle: '备份',
    noBackup: '这里还没有做过备份：drawbridge backup <文件夹>',
    lastBackup: (time, folder) => `上次备份于 ${time}，位于 ${folder}。`,
    restoredTitle: '恢复的数据',
    restored: (id, time) => `${time} 从备份 ${id} 恢复，之后已查看。`,
    paused: (id, time) => `${time} 从备份 ${id} 恢复。在您查看之前，不会清理任何东西。`,
    cause: '数据比现实旧：备份之后的图片和完成的任务不在其中。',
    fix: '查看 M2（没有文件的图片）和 M3（没有图片的文件），然后运行：drawbridge gc --resume。恢复向服务商分配任务：drawbridge providers undrain <名称>',
    held: (name) => `解除之前不接新任务：${name}`,
    unfinished: (id, lane) => `备份时未完成：${id}（${lane}）`,
    resumed: '每张图片都有文件，每个文件都有图片：清理继续。',
    notResumed: '有文件缺失或多余，只有您能判断是否正确：drawbridge gc --resume',
  },
};
