// Chinese for the details that errors say in the same words each time. A detail that is not here stays English; what it
// means is in the error's title, cause and fix, which always exist in both languages.

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
};
