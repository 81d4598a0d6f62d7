// The Simplified Chinese texts of the error registry, key for key the same as errors-en.ts (a missing one is a type error).
import type { ErrorCode, ErrorText } from '../errors.ts';

export const errorsZh = {
  malformed_request: {
    title: '无法读取请求',
    cause: '请求体不是有效的 JSON（或 multipart），嵌套过深，或者某个请求头格式有误。',
    fix: '请发送格式正确的 JSON，并带上 "Content-Type: application/json"；详情中指出了第一处读不懂的位置。',
  },
  validation_failed: {
    title: '部分字段不符合要求',
    cause: '有字段缺失、类型不对，或超出了该模型或账户允许的范围。',
    fix: '请逐一修改所指出的字段后重新发送；各接口及其限制见 /docs。',
  },
  authentication_required: {
    title: '请登录或提供 API 密钥',
    cause: '请求没有带密钥或登录会话，或者所带的已错误、过期或被吊销。',
    fix: '请在请求头中发送 "Authorization: Bearer dbk_…"（在服务器上运行 "drawbridge keys create" 即可创建），或在浏览器中重新登录。',
  },
  permission_denied: {
    title: '您没有权限进行此操作',
    cause: '身份已确认，但您的角色或 API 密钥的权限范围不包含此操作。',
    fix: '请改用具有详情中所列权限的密钥，或请管理员为您开通权限。',
  },
  not_found: {
    title: '未找到',
    cause: '您的账户下没有这个内容：可能已被删除、编号有误，或属于其他账户。',
    fix: '请核对编号或链接，并确认使用的是创建它的那个账户。',
  },
  request_timeout: {
    title: '请求传输太慢',
    cause: '请求尚未完整到达服务器，连接就停住了。',
    fix: '请重新发送；上传大文件时，请换用更稳定的网络或较小的文件。',
  },
  idempotency_in_progress: {
    title: '相同的请求仍在处理中',
    cause: '带有此 Idempotency-Key 的上一个请求还没有返回结果。',
    fix: '请稍等片刻，用同一个键重新发送相同的请求；您会得到第一次的结果，不会重复创建。',
  },
  idempotency_mismatch: {
    title: '此 Idempotency-Key 已用于另一个请求',
    cause: '这个键对应的请求内容与本次不同，返回那次的结果会是错的。',
    fix: '新请求请使用新的键；若想取回第一次的结果，请发送完全相同的内容。',
  },
  conflict: {
    title: '当前状态不允许此操作',
    cause: '它的状态已经变化（例如已经结束），或已有同名的内容。',
    fix: '请刷新查看当前状态，再决定是否还需要此操作。',
  },
  insufficient_credits: {
    title: '积分不足',
    cause: '本次请求所需的积分超过账户的可用积分；进行中的任务所冻结的积分不计入可用积分。',
    fix: '请减少图片数量或选用更便宜的模型，等待进行中的任务结束，或请管理员充值（"drawbridge credits grant"）。',
  },
  spending_limit_reached: {
    title: '已达到消费上限',
    cause: '管理员为该账户设置了每日或每月的消费上限，本次请求会超出上限。',
    fix: '请减少图片数量或选用更便宜的模型，等到下一天或下个月（UTC），或请管理员提高上限（"drawbridge credits limit"）。',
  },
  storage_quota_reached: {
    title: '账户空间已满',
    cause: '管理员设置了账户的存储配额，该账户的图片和上传文件已占满配额。',
    fix: '请删除不再需要的图片或上传文件（回收站不计入），或请管理员提高配额。',
  },
  rate_limited: {
    title: '请求过于频繁',
    cause: '该账户、密钥或地址在这段时间内的请求数超过了限制。',
    fix: '请等待 "Retry-After" 所示的秒数后再继续，并放慢速度。',
  },
  payload_too_large: {
    title: '请求或文件过大',
    cause: '超过了本服务器接受的大小，上限见详情。',
    fix: '请发送较小的文件（缩小尺寸，或另存为 JPEG 或 WebP），或拆分为多个请求。',
  },
  unsupported_media_type: {
    title: '不支持这种内容类型',
    cause: 'Content-Type 或文件的实际内容不在支持的类型之中。',
    fix: '请以 "application/json" 发送 JSON，以 "multipart/form-data" 发送文件，图片请使用 PNG、JPEG 或 WebP。',
  },
  model_not_found: {
    title: '没有这个模型',
    cause: '模型名称有误，或已配置的服务商都不提供该模型。',
    fix: '请从 GET /v1/models 中选择名称，或省略 "model" 以使用默认模型。',
  },
  provider_credentials_missing: {
    title: '服务商缺少凭据',
    cause: '该模型的服务商没有配置密钥或会话 ID，无法向其请求图片。',
    fix: '管理员：请运行 "drawbridge providers set-secret" 加服务商名称，或设置详情中指出的变量后重启。在此之前请选用其他模型。',
  },
  provider_credentials_expired: {
    title: '服务商拒绝了我们的凭据',
    cause: '为该服务商保存的密钥或会话 ID 已过期、被吊销，或不属于当前区域或地址。',
    fix: '管理员：请获取新的凭据，用 "drawbridge providers set-secret" 加服务商名称设置，无需重启。在此之前请选用其他模型。',
  },
  provider_quota_exhausted: {
    title: '服务商的额度已用完',
    cause: '我们在该服务商的账户余额不足，或已达到当日上限。',
    fix: '管理员：请到服务商处充值，或等待额度恢复。在此之前请选用其他模型。',
  },
  provider_unavailable: {
    title: '暂时无法连接服务商',
    cause: '服务商停机、过载，或本服务器无法连到它（网络、代理或地址问题），因此暂停在那里生成新图片。',
    fix: '请过几分钟再试，或选用其他模型。管理员：运行 "drawbridge status" 可看到最近一次探测的结果。',
  },
  provider_rejected: {
    title: '服务商拒绝了此请求',
    cause: '服务商表示无法按此要求生成图片，通常与尺寸、选项或输入图片有关。',
    fix: '请修改详情中指出的内容（尺寸、选项或输入图片）或选用其他模型，再创建新任务。冻结的积分已退回。',
  },
  provider_timeout: {
    title: '服务商未及时响应',
    cause: '已连上服务商，但它没有在时限内回应，通常是因为繁忙。',
    fix: '请过几分钟再试，或选用其他模型。冻结的积分已退回。',
  },
  submit_unknown: {
    title: '无法确定服务商是否收到了任务',
    cause: '提交请求的过程中连接中断，而该服务商没有办法查询任务是否送达。',
    fix: '如果仍需要这张图片，请点“重试”。为避免重复付费，系统没有自动再次提交；您的积分已退回。',
  },
  secret_refused: {
    title: '新的密钥没有生效',
    cause: '替换之前先向服务方试用了这个密钥，对方拒绝了它，或者没有应答。原来的密钥继续使用。',
    fix: '请检查密钥是否复制完整、是否属于这个服务和地区。用 "drawbridge providers test" 可以看到哪一步失败。如果只是服务方暂时不可用，可以加 --unchecked 直接保存。',
  },
  secrets_key_wrong: {
    title: '已保存的密钥无法解密',
    cause:
      '加密所用的密钥不见了，或者不是同一个：数据库搬迁或恢复时没有带上 secrets.key 文件，或者本节点的 DRAWBRIDGE_SECRETS_KEY 与其他节点不同。',
    fix: '从备份中恢复 secrets.key，或者设置与其他节点相同的 DRAWBRIDGE_SECRETS_KEY。如果密钥已经丢失，请运行 "drawbridge providers rotate-key --forget" 删除无法再读取的内容，然后重新设置每个密钥。',
  },
  content_blocked: {
    title: '内容审核拦截了这张图片',
    cause: '服务商的安全审核拒绝了提示词、输入图片或生成结果。',
    fix: '请修改提示词或更换输入图片；原样重发仍会被拒绝。',
  },
  image_invalid: {
    title: '图片无法使用',
    cause: '文件已损坏或不完整、像素过多，或者实际上不是 PNG、JPEG 或 WebP 图片。',
    fix: '请用图片编辑软件打开，重新保存为 PNG 或 JPEG（过大时请先缩小），再发送新文件。',
  },
  storage_full: {
    title: '存放图片的空间已满',
    cause: '存放图片的磁盘或存储桶已满，腾出空间之前不再接受新任务。',
    fix: '管理员：请清理空间或扩容，之后会自动恢复。运行 "drawbridge doctor" 可查看空间占用情况。',
  },
  storage_unavailable: {
    title: '图片存储不可用',
    cause: '存放图片的目录或存储桶不存在、未挂载、只读，或拒绝了我们的凭据。',
    fix: '管理员：请运行 "drawbridge doctor"，它会指出是哪一步失败。已生成的图片会保留，存储恢复后自动保存。',
  },
  database_unavailable: {
    title: '数据库不可用',
    cause: '数据库无法连接、正在重启，或其磁盘已满。',
    fix: '请一分钟后再试；此前已受理的内容不会丢失。管理员：请检查数据库，并运行 "drawbridge status"。',
  },
  deadline_exceeded: {
    title: '图片未能在时限内完成',
    cause: '任务在等待服务商或等待图片时到达了截止时间。',
    fix: '请重试；如果经常发生，请加大 "deadline_s" 或选用其他模型。冻结的积分已退回。',
  },
  cancelled: {
    title: '任务已取消',
    cause: '图片完成之前，任务已按要求停止。',
    fix: '点“重试”可作为新任务重新开始；未生成图片的积分已退回。',
  },
  internal_error: {
    title: 'Drawbridge 内部出错',
    cause: '这是程序的故障，与您的请求无关；原因记录在服务器日志中，可按请求编号查到。',
    fix: '请再试一次；如果仍然出错，请把请求编号告诉管理员，管理员可在服务器日志中查到。',
  },
} as const satisfies Record<ErrorCode, ErrorText>;
