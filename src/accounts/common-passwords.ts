// What is tried first when passwords are guessed: the heads of the well-known lists, bare (digits and signs around a word are
// taken off before the look-up), the product's own words, and Chinese ones as they are typed.

const WORDS = `
password passwort passw passwords mypassword letmein welcome changeme change iloveyou iloveu loveyou lovely princess sunshine
football baseball basketball superman batman spiderman trustno master mustang shadow monkey dragon michael jennifer jordan
charlie andrew michelle jessica ashley daniel thomas hunter george robert ginger pepper summer winter spring autumn cookie
computer internet samsung google facebook microsoft windows apple iphone android whatever freedom secret secrets nothing
starwars pokemon naruto liverpool chelsea arsenal barcelona realmadrid corvette mercedes ferrari harley butterfly chocolate
strawberry unicorn rainbow flower angel heaven forever friends family jesus godisgood blessed qwerty qwertyuiop qwertyui
qwertz qwertzuiop azerty azertyuiop asdfgh asdfghjkl asdfasdf asdf zxcvbn zxcvbnm qazwsx qazwsxedc qweasd qweasdzxc qwerasdf
abcabc abcdef abcdefg abcdefgh abcdefghij abcdabcd abc abcd admin administrator root toor user username guest test testing
testtest tester default login hello helloworld access server system database backup support service manager company office
drawbridge drawbridgeadmin adminadmin rootroot passwordpassword passpass pass passphrase correcthorsebatterystaple
woaini woaiwojia wodemima mima mimamima zhangwei wangwei lilei hanmeimei beijing shanghai guangzhou shenzhen zhongguo
aini nihao nihaoma laopo laogong baobei mingtian xiaoming woshishui caonima taobao weixin
minecraft fortnite roblox playstation nintendo blink slipknot metallica nirvana eminem batmanbatman supermansuperman
sophie oliver olivia emma amelia jackson william matthew joshua anthony nicole amanda samantha elizabeth christopher
alexander victoria benjamin jonathan patrick richard maverick phoenix diamond silver golden yellow purple orange
january february march april june july august september october november december monday tuesday wednesday thursday friday
`;

const EXACT = `
1234567890 0123456789 12345678910 123456789a a123456789 123456789q q123456789 1234567891 9876543210 0987654321 1122334455
1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc qwer123456 asd123456789 zxc123456789 abc123456789 aa123456789 qq123456789 123456abcdef
123123123123 1231231231 123321123321 147258369 1472583690 7894561230 147852369 1478523690 159753456852 11223344556677
5201314520 1314520520 52013145201314 woaini1314 woaini520 woaini5201314 woaini1314520 a1b2c3d4e5 q1w2e3r4t5 q1w2e3r4t5y6
qazwsxedc123 password12 p@ssw0rd123 zaq12wsxcde3 zaq1xsw2cde3 1qazxsw23edc !qaz2wsx#edc thisisapassword ilovemyfamily
`;

/** Lower case. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `${WORDS} ${EXACT}`.split(/\s+/).filter(Boolean),
);
