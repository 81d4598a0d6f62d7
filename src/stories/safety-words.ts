// The words that decide what a story for children may be about, as data. A list of words is a fence and no judge: the writer's own
// rules and the picture providers' filters stand behind it.

export type Topic = 'sex' | 'cruelty' | 'self_harm' | 'drugs' | 'hate' | 'danger' | 'violence';

/** Refused in every story. Compared with folded text: lower case, no accents. */
export const NEVER: readonly { topic: Topic; pattern: RegExp }[] = [
  {
    topic: 'sex',
    pattern:
      /\b(?:sex|sexy|sexual\w*|porn\w*|nude|nudes|nudity|naked|erotic\w*|orgy|rape[ds]?|rapist|prostitut\w*|striptease|hentai|nsfw|genital\w*|desnud\w*|porno\w*|nackt\w*|vergewaltig\w*|nue?s? erotique|violacion)\b|色情|裸体|裸照|性爱|性交|性感|强奸|做爱|淫|卖淫|脱光|成人片|ヌード|エロ|裸|セックス/u,
  },
  {
    topic: 'self_harm',
    pattern:
      /\b(?:suicid\w*|self[- ]?harm\w*|kill (?:him|her|my|them)sel\w*|cuts? (?:him|her|my|them)sel\w*|hang (?:him|her|my|them)sel\w*|starve (?:him|her|my|them)sel\w*|anorexi\w*|selbstmord\w*|suizid\w*)\b|自杀|自残|割腕|上吊|跳楼|轻生|自殺|自傷/u,
  },
  {
    topic: 'drugs',
    pattern:
      /\b(?:cocaine|heroin|meth|methamphetamine|ecstasy pills?|lsd|crack pipe|marijuana|cannabis|weed dealer|drug deal\w*|drugs|get(?:s|ting)? high|drogas?|drogues?|drogen|kokain)\b|毒品|吸毒|海洛因|可卡因|冰毒|大麻|摇头丸|麻薬|覚醒剤/u,
  },
  {
    topic: 'hate',
    pattern:
      /\b(?:nazis?|hitler|ku klux klan|white power|white supremac\w*|genocide|ethnic cleansing|holocaust joke\w*|master race|inferior race|lynch\w*)\b|纳粹|希特勒|种族灭绝|种族清洗|劣等民族|劣等种族|ナチス|ヒトラー/u,
  },
  {
    topic: 'cruelty',
    pattern:
      /\b(?:tortur\w*|decapitat\w*|behead\w*|dismember\w*|mutilat\w*|cannibal\w*|massacr\w*|serial killer\w*|gore|gory|slaughter\w* (?:children|kids|people|babies)|child abuse|molest\w*|kidnap\w* and|folter\w*|torturar|terrorist\w*|terroris\w*|school shoot\w*|beat(?:s|en)? (?:the |a |his |her )?(?:dog|cat|child|wife|puppy|kitten) to death)\b|虐待|虐杀|酷刑|斩首|砍头|分尸|肢解|屠杀|食人|恐怖分子|恐怖袭击|血腥|虐童|拷問|虐殺|テロ/u,
  },
  {
    topic: 'danger',
    pattern:
      /\b(?:build(?:s|ing)? (?:a |an )?(?:\w+ )?bombs?|mak(?:e|es|ing) (?:a |an )?(?:\w+ )?(?:bombs?|explosives?|poison|napalm)|bomb recipe|pipe bomb|molotov|drink(?:s|ing)? bleach|eat(?:s|ing)? (?:the |some )?(?:laundry|tide) pods?|play(?:s|ing)? with (?:matches|fire|a lighter)|set(?:s|ting)? (?:the |a |his |her )?(?:\w+ )?on fire|stick(?:s|ing)? (?:a |the )?(?:fork|knife|finger)s? in(?:to)? (?:a |the )?(?:socket|outlet)|car surfing|choking game|bombe bauen)\b|制造炸弹|做炸弹|自制炸药|喝漂白|玩火|放火|纵火|爆弾を作/u,
  },
];

/** Made harmless; with `strict` refused. */
export const SOFTER: readonly { pattern: RegExp; instead: string }[] = [
  { pattern: /\b(?:murders?|murdered|kills?|killed|slays?|slain|assassinates?)\b/giu, instead: 'tricks' },
  { pattern: /\b(?:killing|murdering|slaying)\b/giu, instead: 'tricking' },
  { pattern: /\b(?:murderer|killer|assassin)s?\b/giu, instead: 'rascal' },
  { pattern: /\b(?:shoots?|shot|stabs?|stabbed|attacks?|attacked)\b/giu, instead: 'chases' },
  {
    pattern: /\b(?:(?:machine ?)?guns?|rifles?|pistols?|grenades?|bombs?|bullets?)\b/giu,
    instead: 'water balloons',
  },
  { pattern: /\b(?:knife|knives|daggers?|swords?|axes?)\b/giu, instead: 'wooden spoon' },
  { pattern: /\b(?:blood|bloody|bleeds?|bleeding)\b/giu, instead: 'jam' },
  { pattern: /\b(?:corpses?|dead bod(?:y|ies)|zombies?)\b/giu, instead: 'sleepyheads' },
  { pattern: /\b(?:wars?|battles?)\b/giu, instead: 'pillow fight' },
  { pattern: /\b(?:beers?|wine|vodka|whisky|whiskey|drunk|cigarettes?|smoking)\b/giu, instead: 'cocoa' },
  { pattern: /\b(?:demons?|devils?|satan)\b/giu, instead: 'grumpy imp' },
  { pattern: /\b(?:terrifying|horrifying|horror)\b/giu, instead: 'mysterious' },
  { pattern: /谋杀|杀死|杀掉|杀害|杀人|杀光|刺杀|殺す|殺人|殺し/gu, instead: '捉弄' },
  { pattern: /凶手|杀手|刺客/gu, instead: '捣蛋鬼' },
  { pattern: /开枪|枪杀|射杀|捅死|砍死|打死/gu, instead: '追赶' },
  { pattern: /机关枪|手枪|步枪|枪|炸弹|手榴弹|子弹|爆弾|拳銃|銃/gu, instead: '水气球' },
  { pattern: /匕首|尖刀|刀子|砍刀|斧头|ナイフ/gu, instead: '木勺' },
  { pattern: /鲜血|流血|血淋淋/gu, instead: '果酱' },
  { pattern: /尸体|僵尸|死人|ゾンビ|死体/gu, instead: '瞌睡虫' },
  { pattern: /战争|打仗|戦争/gu, instead: '枕头大战' },
  { pattern: /喝酒|啤酒|白酒|喝醉|香烟|抽烟|吸烟/gu, instead: '热可可' },
  { pattern: /恶魔|魔鬼|撒旦|悪魔/gu, instead: '爱发脾气的小精灵' },
  { pattern: /恐怖/gu, instead: '神秘' },
  { pattern: /\b(?:asesin\w*|matar|mata|pistolas?|sangre|guerra)\b/giu, instead: 'juego' },
  { pattern: /\b(?:meurtri\w*|meurtre|tuer|tue|fusil|sang|guerre)\b/giu, instead: 'jeu' },
  {
    pattern: /\b(?:mord|mörder\w*|töte\w*|tötet|ermorde\w*|pistole|gewehr|blut|krieg)\b/giu,
    instead: 'Spiel',
  },
];
