// Chinese for the sentences that errors say of one occurrence (details, causes, fixes). `{name}` stands for a value. A sentence that
// is not here stays English; what it means is in the error's title, cause and fix, which always exist in both languages.

export const detailsZh: Readonly<Record<string, string>> = {
  'The task was cancelled; nothing was charged.': '任务已取消，没有扣除积分。',
  'There is no account with this id.': '没有这个编号的账户。',
  'There is no account with the id in X-Account-Id.': '没有 X-Account-Id 所写编号的账户。',
  'There is no person with this id.': '没有这个编号的用户。',
  'There is no unused invitation with this id.': '没有这个编号的未使用邀请。',
  'There is no such action.': '没有这个操作。',
  'There is no such batch.': '没有这个批次。',
  'There is no such category.': '没有这个分类。',
  'There is no such cover.': '没有这个封面。',
  'There is no such delivery.': '没有这次投递。',
  'There is no such file.': '没有这个文件。',
  'There is no such hold of credits.': '没有这笔冻结的积分。',
  'There is no such link.': '没有这个链接。',
  'There is no such picture.': '没有这张图片。',
  'There is no such picture here.': '这里没有这张图片。',
  'There is no such picture or upload.': '没有这张图片或这个上传。',
  'There is no such prompt.': '没有这条提示词。',
  'There is no such story.': '没有这个故事。',
  'There is no such style.': '没有这个风格。',
  'There is no such task.': '没有这个任务。',
  'There is no such upload.': '没有这个上传。',
  'There is no such webhook.': '没有这个 webhook。',
  'There is no task with this id.': '没有这个编号的任务。',
  'There is nothing at this address.': '这个地址没有内容。',
  'A password belongs to a person, and an API key is none.': '密码属于用户，而 API 密钥不是用户。',
  'A user name or an e-mail address must be left to sign in with.': '必须保留用户名或邮箱中的一个用于登录。',
  'Acting for another account (X-Account-Id) needs the scope "accounts:act".':
    '代其他账户操作（X-Account-Id）需要权限范围“accounts:act”。',
  'A priority above 0 needs the scope "accounts:act" or "admin".':
    '优先级高于 0 需要权限范围“accounts:act”或“admin”。',
  'Another web site made it, or a program sent the cookie without an Origin header.':
    '请求来自其他网站，或程序发送了 Cookie 却没有 Origin 请求头。',
  'Ask an administrator to enable it again.': '请联系管理员重新启用。',
  'Ask another administrator, or use the command line on the server.':
    '请联系其他管理员，或在服务器上使用命令行。',
  'Ask its administrator for an invitation.': '请向管理员索要邀请。',
  'Ask the administrator for a new one.': '请向管理员索要新的链接。',
  'Ask whoever sent you the link for a new one.': '请向给您链接的人索要新的链接。',
  'Calls without a key are switched off: their account is disabled.': '已关闭无密钥调用：其账户已被停用。',
  'Choose another user name, or sign in if it is you.': '请换一个用户名；如果这就是您，请直接登录。',
  'Its owner set a password, and this request came without it or with another one.':
    '所有者设置了密码，而请求没有带密码或密码不对。',
  'No person is signed in here: a key or the set-up link is.': '这里登录的不是用户，而是密钥或初始设置链接。',
  'Nobody is signed in here.': '这里没有人登录。',
  'One of them was mistyped, or nobody with this login exists here.':
    '其中一项输入有误，或者这里没有这个用户。',
  'Only the administrator account can have keys with the scope "admin".':
    '只有管理员账户可以拥有权限范围为“admin”的密钥。',
  'Open the link in a browser and enter the password there.': '请在浏览器中打开链接并输入密码。',
  'Revoke links that are no longer used.': '请撤销不再使用的链接。',
  'Revoke the keys that should stop working instead.': '请改为撤销那些应当失效的密钥。',
  'Set a password with POST /v1/account/password first, or sign in as a person.':
    '请先用 POST /v1/account/password 设置密码，或以用户身份登录。',
  'Set one in the profile first.': '请先在个人资料中设置一个。',
  'Sign in again.': '请重新登录。',
  'Sign in as that person, or invite another one.': '请以该用户登录，或邀请另一位用户。',
  'Sign in first.': '请先登录。',
  'Sign in in a browser first.': '请先在浏览器中登录。',
  'Sign in with a key that has all rights of the account, or ask an administrator for an invitation.':
    '请使用拥有该账户全部权限的密钥登录，或向管理员索要邀请。',
  'Sign in with an API key. On the server itself, "drawbridge keys create" makes one.':
    '请用 API 密钥登录。在服务器上运行“drawbridge keys create”即可创建。',
  'Signing in elsewhere is not configured on this server.': '这台服务器没有配置第三方登录。',
  'Somebody here has this user name or e-mail address already.': '这里已有人使用这个用户名或邮箱。',
  'The account in X-Account-Id is disabled.': 'X-Account-Id 所写的账户已被停用。',
  'The account that this invitation is for was closed.': '这个邀请所属的账户已关闭。',
  'The administrator account cannot be disabled: nobody could enable it again.':
    '管理员账户不能停用：停用后没有人能再启用它。',
  'The login or the password is wrong.': '登录名或密码不对。',
  'The password was changed in another place at this moment.': '密码刚刚在别处被修改。',
  'The sign-in service does not answer properly.': '登录服务没有正常应答。',
  'There were ten wrong tries with this login from your network; wait a while.':
    '您的网络用这个登录名连续失败了十次，请稍后再试。',
  'There were too many wrong tries to sign in from your network; wait a while.':
    '您的网络登录失败次数过多，请稍后再试。',
  'This account belongs to somebody already.': '这个账户已经属于某位用户。',
  'This invitation does not work any more: it was used, taken back, is over, or never existed.':
    '这个邀请已失效：已被使用、收回、过期，或从未存在。',
  'This link does not work any more: it was used, replaced by a newer one, is over, or never existed.':
    '这个链接已失效：已被使用、被更新的链接取代、过期，或从未存在。',
  'This link is protected by a password.': '这个链接有密码保护。',
  'There is neither a user name nor an e-mail address to sign in with.': '没有可用于登录的用户名或邮箱。',
  'Give one Idempotency-Key.': '只能给出一个 Idempotency-Key。',
  'Send the form as multipart/form-data.': '请以 multipart/form-data 发送表单。',
  'The base64 of a picture has other characters in it.': '图片的 base64 中含有其他字符。',
  'The form (multipart/form-data) is cut off, or its boundary is missing or too long.':
    '表单（multipart/form-data）不完整，或者其分隔符缺失或过长。',
  'There is no JSON object in the body.': '请求正文中没有 JSON 对象。',
  'This call takes JSON, not a form.': '这个接口接受 JSON，不接受表单。',
  'This Idempotency-Key was used with another request.': '这个 Idempotency-Key 已用于另一个请求。',
  'This Idempotency-Key was used with another batch.': '这个 Idempotency-Key 已用于另一个批次。',
  'This Idempotency-Key was used for another story before.': '这个 Idempotency-Key 已用于另一个故事。',
  'This idempotency key was used for another movement of credits of this account.':
    '这个幂等键已用于该账户的另一笔积分变动。',
  'The amount is zero.': '数额为零。',
  'The provider delivered no picture.': '服务商没有交付图片。',
  'The provider gave this job to another task before.': '服务商此前已把这个作业给了另一个任务。',
  'The task has no input picture.': '任务没有输入图片。',
  'The task has no picture yet, or none any more.': '任务还没有图片，或图片已不在。',
  'This task has no preview just now.': '这个任务目前没有预览。',
  'An upload does not exist, or its time has run out: upload it again.':
    '上传的文件不存在或已过期，请重新上传。',
  'A picture file could not be deleted.': '有一个图片文件无法删除。',
  'No preview of this picture could be made.': '无法为这张图片生成预览。',
  'No thumbnail could be made.': '无法生成缩略图。',
  'The colour profile inside the picture is too large.': '图片内的颜色配置文件过大。',
  'The file of this picture is missing or damaged, or its volume is not mounted.':
    '这张图片的文件缺失或损坏，或者其存储卷没有挂载。',
  'The picture cannot be read: its header is damaged.': '图片无法读取：文件头已损坏。',
  'The picture could not be stored: no space is left.': '图片无法保存：空间已满。',
  'The picture is an animation; only still pictures are accepted.': '这是动图，只接受静态图片。',
  'The picture is damaged or cut off: it cannot be decoded in full.': '图片损坏或不完整，无法完整解码。',
  'The picture is not what its first bytes say.': '图片内容与文件头所示的格式不符。',
  'The preview could not be made smaller.': '预览图无法缩小。',
  'The PNG ends too early: it was cut off on the way.': 'PNG 文件不完整，可能在传输中被截断。',
  'The JPEG ends before its pixels: it was cut off on the way.': 'JPEG 文件不完整，可能在传输中被截断。',
  'The WebP ends too early: it was cut off on the way.': 'WebP 文件不完整，可能在传输中被截断。',
  'There is no such direct upload, or its time has run out: ask for a new one.':
    '没有这个直传上传，或它已过期，请重新申请。',
  'No file was put to the address of this upload yet.': '还没有文件上传到这个地址。',
  'There is no picture of yours at this address.': '这个地址没有您的图片。',
  'What was deleted for ever cannot come back.': '已永久删除的内容无法恢复。',
  'The action still runs.': '操作仍在进行。',
  'The action was taken back already.': '操作已经撤销。',
  'Pictures came, went or changed since they were counted.': '清点之后图片有增减或变化。',
  'Look at the pictures again and repeat the action with the new count.':
    '请重新查看图片，并用新的数量重复操作。',
  'The batch is being cancelled; wait for its end.': '批次正在取消，请等待结束。',
  'The source has no rows.': '来源中没有任何行。',
  'The table has no rows.': '表格中没有任何行。',
  'Choose an outline first.': '请先选择一个大纲。',
  'Delete stories that nobody reads any more.': '请删除没有人再看的故事。',
  'Export one path: name its last page with ?page=.': '请导出一条路径：用 ?page= 指明它的最后一页。',
  'Nothing of this story is written yet.': '这个故事还没有写出任何内容。',
  'Take another idea, or tell it without that.': '请换一个点子，或去掉这部分内容。',
  'Try again, or choose another way on.': '请重试，或选择另一条路。',
  'The picture of this page is being painted just now.': '这一页的图片正在绘制。',
  'The picture was cancelled.': '图片已取消。',
  'The proposals are being written just now.': '大纲方案正在撰写。',
  'The story ends on this page.': '故事在这一页结束。',
  'There are not enough credits for this text.': '积分不足，无法撰写这段文字。',
  'There is no such page any more.': '这一页已不存在。',
  'There is no such page that is written.': '没有这一页，或它还没有写好。',
  'There is no such proposal, or none is written yet.': '没有这个大纲方案，或还没有写好。',
  'This is being made just now.': '正在生成。',
  'This page has no such choice.': '这一页没有这个选项。',
  'This page is not written yet.': '这一页还没有写好。',
  'Something went wrong inside the server.': '服务器内部出错。',
  'A backup is being made already.': '已有备份正在进行。',
  'A collection is running already.': '已有清理正在进行。',
  'No folder for backups is configured.': '没有配置备份文件夹。',
  'Set DRAWBRIDGE_BACKUP_FOLDER, or run "drawbridge backup <folder>" on the server.':
    '请设置 DRAWBRIDGE_BACKUP_FOLDER，或在服务器上运行“drawbridge backup <folder>”。',
  'No receiver of alerts is configured.': '没有配置告警接收地址。',
  'Set DRAWBRIDGE_ALERTS_WEBHOOK_URL and restart.': '请设置 DRAWBRIDGE_ALERTS_WEBHOOK_URL 并重启。',
  'Read GET /v1/admin/styles again and send the whole order.':
    '请重新读取 GET /v1/admin/styles，并发送完整的顺序。',
  'The order does not name every category and every style exactly once.':
    '顺序中没有恰好各列出一次所有分类和风格。',
  'The doctor is at work already.': '诊断已在进行。',
  'The watchdog is at work already.': '看门狗已在巡检。',
  'The server is being stopped or restarted.': '服务器正在停止或重启。',
  'The server is shutting down.': '服务器正在关闭。',
  'The server is stopping before the picture is ready; the task goes on when it is back.':
    '服务器在图片完成前停止，恢复后任务会继续。',
  'Send the same request again in a moment: it is answered with the same task.':
    '请稍后重发同一请求，会得到同一个任务。',
  'The database is closed: the server is stopping.': '数据库已关闭：服务器正在停止。',
  'This message is being sent at this moment.': '这条消息正在发送。',
  'The webhook of this delivery is switched off or removed.': '这次投递的 webhook 已停用或删除。',
  'Switch the webhook on with PATCH {"enabled": true}, then send again.':
    '请先用 PATCH {"enabled": true} 启用 webhook，再重新发送。',
  'Messages carry tasks: switching a webhook on, and changing where or what it sends, needs the scope "tasks:read" too.':
    '消息中带有任务：启用 webhook 或修改其地址与内容还需要权限范围“tasks:read”。',
  'Secrets were set while the key was rotated. Try again.': '轮换密钥期间有凭据被修改，请重试。',
  'There is no task with this id that credits were held for.': '没有这个编号且冻结过积分的任务。',
  'Files that the restored database does not know may be all that is left of newer pictures.':
    '恢复的数据库不认识的文件，可能是较新图片仅存的副本。',
  'Remove one that is no longer used, or change it with PATCH.': '请删除不再使用的一个，或用 PATCH 修改。',
  'A batch has at most {most} items; make several.': '一个批次最多 {most} 项，请分成几个。',
  'A picture of {width} × {height} pixels is larger than this server allows.':
    '{width} × {height} 像素的图片超过了这台服务器的上限。',
  'A story has at most {most} pages.': '一个故事最多 {most} 页。',
  'All accounts of "{provider}" are busy.': '“{provider}”的所有账号都在忙。',
  'At most {most} direct uploads may be open.': '最多同时有 {most} 个未完成的直传。',
  'It is not known whether "{provider}" took the request, so it is not sent again: {why}':
    '不知道“{provider}”是否收到了请求，因此不再发送：{why}',
  'Its server stopped {times} times while it ran, without any progress in between; it is not tried again. Nothing was charged.':
    '运行期间服务器停止了 {times} 次且没有任何进展，不再重试。没有扣除积分。',
  'More than {max} requests in {time}.': '{time} 内的请求超过了 {max} 个。',
  'Not finished by its deadline ({time}); nothing was charged.': '未在期限（{time}）前完成，没有扣除积分。',
  'Only an administrator can create a key with "{scope}".': '只有管理员能创建带“{scope}”的密钥。',
  'Send the picture as multipart/form-data in the field "{field}".':
    '请以 multipart/form-data 在字段“{field}”中发送图片。',
  'Stories here are for children, and this is about {topic}.': '这里的故事面向儿童，而这个内容涉及{topic}。',
  "The writer's answer was about {topic} and is not shown.": '写手的内容涉及{topic}，不予显示。',
  'The address of the picture answered with status {status}.': '图片地址返回了状态码 {status}。',
  'The body is larger than the {most} MB that this call takes.': '请求正文超过了这个接口的上限 {most} MB。',
  'The file has {bytes} bytes; {most} are allowed.': '文件有 {bytes} 字节，上限为 {most}。',
  'The file has {bytes} bytes; {promised} were promised.':
    '文件有 {bytes} 字节，与申请时的 {promised} 不符。',
  'The file is {kind}; PNG, JPEG and WebP are accepted.': '文件是 {kind}，只接受 PNG、JPEG 和 WebP。',
  'The file is larger than the {most} MB that are allowed.': '文件超过了上限 {most} MB。',
  'The picture could not be downloaded from the provider: {why}': '无法从服务商下载图片：{why}',
  'The picture has {bytes} bytes; {most} are allowed.': '图片有 {bytes} 字节，上限为 {most}。',
  'The picture has {width} × {height} pixels; at most {million} million and {side} a side are accepted.':
    '图片为 {width} × {height} 像素，最多接受共 {million} 百万像素、每边 {side}。',
  'The server stopped {times} times while this was being made.': '生成期间服务器停止了 {times} 次。',
  'There are {most} open invitations already; take back some that nobody uses.':
    '已有 {most} 个未使用的邀请，请收回一些没人用的。',
  'There are {most} already, as many as can be.': '已有 {most} 个，达到上限。',
  'This account has {most} webhooks already.': '这个账户已有 {most} 个 webhook。',
  'This account has {most} links already.': '这个账户已有 {most} 个链接。',
  'This account has {most} stories already.': '这个账户已有 {most} 个故事。',
  'This account has {most} API keys already; revoke one that is no longer used.':
    '这个账户已有 {most} 个 API 密钥，请撤销一个不再使用的。',
  'This account has {open} open streams, as many as it may have.':
    '这个账户已有 {open} 个打开的事件流，达到上限。',
  'This account has {open} unfinished batch items and may have {most}; {items} more are too many.':
    '这个账户有 {open} 个未完成的批次项，上限为 {most}，再加 {items} 个就超出了。',
  'This account has {most} unfinished tasks, as many as it may have.':
    '这个账户有 {most} 个未完成的任务，达到上限。',
  'This account keeps {used} MB of the {quota} MB that it may.':
    '这个账户已使用 {used} MB，配额为 {quota} MB。',
  'This book would have {pages} pages; at most {most} can be exported.':
    '这本书将有 {pages} 页，最多能导出 {most} 页。',
  'This call needs the scope "{scope}".': '这个接口需要权限范围“{scope}”。',
  'This looks like {kind}, not like a Drawbridge key (those start with "dbk_").':
    '这看起来是 {kind}，而不是 Drawbridge 密钥（以“dbk_”开头）。',
  'This needs {needed} credits; {spent} of the {limit} that the account may spend in a {period} are spent or held. The next {period} begins at {next} (UTC).':
    '需要 {needed} 积分；该账户每{period}可用 {limit}，已用或冻结 {spent}。下一周期从 {next}（UTC）开始。',
  'This needs {needed} credits, and {available} are available; {held} more are held for open tasks.':
    '需要 {needed} 积分，可用 {available}，另有 {held} 为未完成的任务冻结。',
  'This needs {needed} credits, and {available} are available.': '需要 {needed} 积分，可用 {available}。',
  'Too many passwords were tried from this network; try again in {minutes} min.':
    '这个网络尝试密码的次数过多，请 {minutes} 分钟后再试。',
  'You do not have the scope "{scope}" yourself, so you cannot give it to a key.':
    '您自己没有权限范围“{scope}”，因此不能授予密钥。',
  'The task was charged {charged} credits, {refunded} of them were given back; at most {left} can be refunded.':
    '任务扣除了 {charged} 积分，已退还 {refunded}，最多还能退还 {left}。',
  '{count} pictures match now, not {expected}. Nothing was changed.':
    '现在符合条件的图片是 {count} 张，不是 {expected} 张。没有做任何更改。',
  '{pinned} prompts are pinned, as many as can be.': '已固定 {pinned} 条提示词，达到上限。',
};

/** Values of those sentences that are words. */
export const detailWordsZh: Readonly<Record<string, string>> = {
  day: '日',
  month: '月',
  'nudity or sex': '裸露或色情',
  cruelty: '残忍',
  'self-harm': '自残',
  drugs: '毒品',
  'hatred of people': '对人的仇恨',
  'something dangerous to imitate': '模仿起来有危险的行为',
  violence: '暴力',
};
