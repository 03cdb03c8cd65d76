/** Passwords of twelve characters and more that everybody tries first, in lower case. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `
  123456789012 1234567890123 12345678901234 123456789012345 1234567890123456 12345678901234567890
  1234567891011 123456789101112 012345678901 0123456789012 01234567890123456789 098765432109 0987654321098
  09876543210987654321 987654321098 9876543210987 123123123123 123123123123123 112233445566 11223344556677
  1122334455667788 121212121212 123412341234 1234512345123 123451234512345 123456123456 1234567812345678
  123456781234 123456654321 1234567887654321 12345678987654321 123454321234 147258369147 147258369258
  159357159357 159753159753 135791357913 111111111111 1111111111111 11111111111111 111111111111111
  1111111111111111 000000000000 0000000000000 00000000000000 0000000000000000 222222222222 333333333333
  444444444444 555555555555 666666666666 777777777777 888888888888 999999999999 aaaaaaaaaaaa aaaaaaaaaaaaa
  aaaaaaaaaaaaaaaa abababababab abcabcabcabc abcdabcdabcd xxxxxxxxxxxx zzzzzzzzzzzz abcdefghijkl
  abcdefghijklm abcdefghijklmn abcdefghijklmnop abcdefghijklmnopqrstuvwxyz abcdef123456 abcdefg12345
  abcdefgh1234 abcdefgh12345678 abc123abc123 abc123456789 abcd12345678 abcd1234abcd 123456abcdef
  1234abcd1234 1234567890abc 123456789abc 1a2b3c4d5e6f a1b2c3d4e5f6 a1s2d3f4g5h6 a12345678901 q1w2e3r4t5y6
  q1w2e3r4t5y6u7 q1w2e3r4t5y6u7i8o9p0 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i 1q2w3e4r5t6y7u8i9o0p
  1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc 1qaz1qaz1qaz qazwsxedcrfv qazwsxedcrfvtgb qazwsx123456
  qazwsxedc123 qwerty123456 qwerty1234567 qwerty12345678 qwerty123456789 qwertyuiop12 qwertyuiop123
  qwertyuiop1234 qwertyuiop[] qwertyuiopasdf qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qwertyqwerty
  qwertyqwerty1 qwertyasdfgh qwertyasdfghzxcvbn qwerasdfzxcv qwer1234asdf qwer1234qwer 1234qwerasdf
  1234qwerasdfzxcv 12345qwert12 123456qwerty 123456qwertyuiop 123qwe123qwe qwe123qwe123 asdfghjkl123
  asdfghjkl1234 asdfghjkl;'# asdfasdfasdf asdfghasdfgh asdfqwer1234 asdf1234asdf zxcvbnm12345 zxcvbnm123456
  zxcvbnmzxcvbnm zaq12wsxcde3 zaq1zaq1zaq1 zaq1xsw2cde3 zxcvbnmasdfghjkl zxcvbnmasdfghjklqwertyuiop
  azertyuiop12 azertyuiop123 azertyazerty azerty123456 qwertzuiop12 qwertzuiop123 qwertz123456 qwertzqwertz
  passwordpassword passwordpassword1 password1234 password12345 password123456 password1234567
  password12345678 password123456789 password1234567890 password123! password1234! password2020
  password2021 password2022 password2023 password2024 password2025 password2026 password@123 password@1234
  password!123 password!234 passw0rd1234 passw0rd12345 passw0rdpassw0rd p@ssw0rd1234 p@ssw0rd12345
  p@ssw0rd123! p@ssword1234 p@ssword12345 p@$$w0rd1234 pa$$word1234 pa55word1234 mypassword12 mypassword123
  mypassword1234 newpassword1 newpassword12 newpassword123 yourpassword thepassword1 thepassword123
  testpassword testpassword1 testpassword123 userpassword userpassword1 adminpassword adminpassword1
  adminpassword123 rootpassword rootpassword123 secretpassword supersecret1 supersecret12 supersecret123
  supersecretpassword defaultpassword temppassword1 temppassword123 temporary123 changeme1234 changeme12345
  changeme123456 changemechangeme changeme123! changemenow1 changethis12 pleasechangeme pleasechangeit
  administrator administrator1 administrator12 administrator123 admin1234567 admin12345678 admin123456789
  admin123admin adminadminadmin adminadmin12 adminadmin123 admin@123456 admin@1234567 root12345678
  root123456789 rootrootroot toor12345678 truenas12345 truenastruenas truenasadmin freenas12345
  freenasfreenas letmein12345 letmein123456 letmeinletmein letmeinplease letmein1234! welcome12345
  welcome123456 welcome1234! welcomewelcome welcome@1234 welcomehome1 welcome2024! welcome2025!
  welcome2026! iloveyou1234 iloveyou12345 iloveyou123456 iloveyouiloveyou iloveyousomuch iloveyouforever
  trustno1trustno1 monkey123456 monkeymonkey dragon123456 dragondragon football1234 football12345
  footballfootball baseball1234 baseball12345 basketball12 basketball123 superman1234 superman12345
  batman123456 sunshine1234 sunshine12345 princess1234 princess12345 princessprincess michael12345
  michelle1234 jennifer1234 jordan123456 liverpool123 liverpool1234 manchester12 manchester123 barcelona123
  barcelona1234 starwars1234 starwars12345 whatever1234 computer1234 computer12345 internet1234
  internet12345 samsung12345 google123456 facebook1234 microsoft123 microsoft1234 spring2024!! summer2024!!
  autumn2024!! winter2024!! summer123456 secret123456 secretsecret shadow123456 master123456 mastermaster
  qwerty123!@# 1234567890qwe 1234567890qwerty 1q2w3e4r5t!@ !qaz2wsx3edc !qaz@wsx#edc !qaz@wsx#edc$rfv
  !@#$%^&*()_+ !@#$%^&*()12 1!2@3#4$5%6^ ............ ------------ ************ ????????????
  `
    .trim()
    .split(/\s+/),
);
