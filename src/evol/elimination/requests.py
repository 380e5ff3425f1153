"""Phrases and forms by which a text asks, beside the imperatives of `imperatives.py`, as data for `asking.py`.

Each pattern is written over several lines that are joined as they are (`texts.compile_folded`).
"""

from __future__ import annotations

import re

from evol.elimination.texts import compile_folded

OFFER = compile_folded(
    r"""
    let me know|would you like|do you want me|need (?:any|more|further)|any (?:other |more |further )?questions|
    hope (?:this|that|it) helps|feel free|want me to|shall i|anything else|happy to help|möchtest du|möchten sie|
    soll ich|noch fragen|voulez-vous que|souhaitez-vous|veux-tu que|avez-vous d'autres|quieres que|te gustaría|
    le gustaría|algo más|gostaria de|quer que eu|vuoi che|vorresti|wil je|zal ik|chcesz|хотите|хочешь|хочете|
    ister misin|هل تريد|هل ترغب|האם תרצ|क्या आप चाह|需要我|还需要|想让我|ましょうか|드릴까요|bạn có muốn|
    apakah anda ingin|θέλεις να|θα ήθελες"""
)
"""An offer of further help, which closes a reply."""
PHRASE = compile_folded(
    r"""
    \b(?:please|i (?:need|want|wish|wonder|have to|must)|(?:i|we)'d (?:like|love|prefer)|i would (?:like|love)|
    i'm (?:looking|trying|struggling)|i am (?:looking|trying|struggling)|we (?:need|want)|it (?:must|should) (?:not|
    return|print|accept|handle|run|work|support|output|read|take|use|include|contain|cover|mention|end|start|begin|
    fit|avoid|rhyme|have)|help me|(?:can|could|would|will) you|pretend (?:you|to)|your (?:task|goal|job|mission|
    response|reply|output)|(?:function|program|script|poem|text|response|reply|essay|list|output|result|story|letter|
    email|code|solution|answer|query|article|dialogue|speech|plan|summary|explanation|message|song|app|api|page|class|
    method|table|report|review|post|recipe)s? (?:must|should|has to|have to|needs? to)|don't understand|can't figure|
    to be (?:translated|solved|done)|bitte|ich (?:brauche|möchte|suche|will|hätte gern|benötige)|hilf mir|
    wir (?:brauchen|suchen)|kannst du|können sie|stell dir vor|stellen sie sich|(?:deine|ihre) aufgabe|s'il (?:te|
    vous)|j'ai besoin|je (?:voudrais|veux|cherche|souhaite)|j'aimerais|aide[zr]?-moi|(?:ta|votre) (?:tâche|mission)|
    por favor|necesito|quiero|quisiera|me gustaría|necesitamos|tu tarea|preciso de|eu (?:preciso|quero|gostaria)|
    gostaria|sua tarefa|per favore|ho bisogno|voglio|vorrei|mi serve|il tuo compito|alsjeblieft|alstublieft|ik (?:wil|
    zoek|zou graag|heb)|je taak|busco|procuro|cerco un|ищу|шукаю|arıyorum|ψάχνω|jag söker|jeg (?:leder|søger|leter)|
    hledám|let's|potrzebuję|chcę|chciał[ab]+ym|szukam|potřebuji|chci|jag (?:vill|behöver)|jeg (?:vil|vill|ønsker|
    trenger|skal bruge)|tôi (?:muốn|cần)|mình (?:muốn|cần)|em muốn|giúp tôi|vui lòng|saya (?:ingin|butuh|perlu|mau)|
    aku (?:ingin|butuh)|tolong|mohon|istiyorum|ihtiyacım|lütfen|szeretnék|kérlek|haluan|ole hyvä|am nevoie|vreau|
    пожалуйста|мне нужн|я хочу|хочу|хотел[аи]? бы|(?:твоя|ваша) задача|будь ласка|мені потрібн|(?:твоє|ваше) завдання|
    моля|искам|θέλω|χρειάζομαι|θα ήθελα|παρακαλώ)|أريد|أحتاج|أرغب|من فضلك|يرجى|الرجاء|مهمتك|بحاجة إلى|أبحث عن|
    אני מחפש|أود |אני (?:רוצה|צרי)|בבקשה|אנא|אנחנו צריכים|המשימה שלך|לעזור לי|می\s?خواهم|لطفا|نیاز دارم|کمک|ممکن است|
    मुझे .{1,60}चाहिए|कृपया|मेरी मदद|मैं चाहत|कल्पना क|मान ल|_{3,}|\[\s*\]"""
)
"""Politeness, wants, duties of what is to be made, gaps to fill: these ask wherever they stand."""
ROLE = compile_folded(
    r"""
    you are\b|you're\b|looking for|gesucht|wanted\b|se busca|procura-se|cercasi|gezocht|poszukiw|you (?:work|run|lead|
    moderate|teach|manage|own)\b|act as|imagine (?:you|that)|suppose you|assume you|du (?:bist|leitest|arbeitest|hast|
    spielst)|sie sind (?:ein|der|die)|stell dir|tu es\b|vous êtes|imagine[zr]? (?:que|un|être)|eres\b|usted es|
    imagina|actúa|você é|imagine que|aja como|atue|(?:tu )?sei un|immagina|agisci|je bent|jij bent|u bent|jesteś|
    wyobraź|jsi\b|du är|du er|ești|te egy|olet\b|sen bir|siz bir|bạn là|đóng vai|kamu adalah|anda adalah|ты |вы |
    представь|ти |ви |уяви|είσαι|είστε|φαντάσου|أنت |تخيل|אתה |את |דמיין|आप |तुम |कल्पना|मान ल|شما |تو """
)
"""A sentence that gives the reader a part to play."""
PATTERNS: dict[str, re.Pattern[str]] = {
    "zh": compile_folded(
        r"""
        (?:^|[，。！？；：、,.:\s])(?:先|再|并且?|並|且|然后|接着|最后|最後|首先|分别|简要|详细|试|試)?(?:请|請|写|寫|列|解释|解釋|描述|比较|比較|给[出我一你]|說|说[出说明一]|计算|計算|
        证明|證明|设计|設計|分析|总结|總結|翻译|翻譯|编|編|创[作建]|創|制作一|製作|推荐|推薦|介绍|介紹|讨论|討論|找出|
        判断|判斷|求|假设|假設|假如|作为|作為|你[是需要会来]|帮|幫|告诉|告訴|举|舉|谈|談|阐|闡|评|評|生成|提供|修改|
        改写|改正|续写|回答|完成|实现|實現|拟|讲[一述个]|画|选[出择]|指出|论述|論述|概括|归纳|撰写|创作|制定|对比|
        對比|解答|简述|想象|想像|仿照|补[全充]|优化|排序|起|取|说明|說明|描写|扮演|模仿|猜|想[一出]|
        [^，。\n]{1,30}(?:写[一出个]|列出|说明|解释|给出|翻译成|改写成|转换成|转换为|整理成))|什么|什麼|怎么|怎麼|
        怎样|为何|如何|哪[些个里种一位]|谁|多少|几[个天种次位]|是否|吗|嗎|呢|能不能|可不可以|我想|我需要|我要|我希望|
        我打算|要求|必须|須|不得|不要|不超过|不少于|需要你|(?:设计|制定|编写|创作|推荐|起草|拟定|安排|规划|构思)(?:一|
        两|三|四|五|几|出)|(?:^|[，。！？；：、,.:\s¤])(?:反驳|驳斥|区分|區分|模拟|模擬|说服|說服|概括|缩短|缩写|扩写|
        压缩|润色|论证|推导|推断|预测|评估|评价|整理|提取|识别|检查|调试|规划|安排|挑选|列举|演示|展示|复述|归类|分类|
        辩论|赏析|造句|填空|教我|安慰|劝|道歉|邀请|推销|夸|吐槽|简化|化简|求解|画出|绘制|起草|构思|讲解|拆解|对照|
        制定|排列|命名|取名|想象|设想|体会)|(?:^|[，。！？；：、,.:\s])[把将用给为替以按][^，。！？\n]{1,30}(?:排序|
        排列|缩短|改|翻译|续写|写|概括|起|想|做|画|讲|说明|分类|整理|列|找|取|设计|制作|编|总结|解释|比较|介绍|推荐)|
        在(?:给|为|找|寻找)|(?:^|[，。！？；：、,.:\s])
        [^，。！？\n\s这那有是每某几各第一两三四五整我你他她它们](?:个(?!人)|一[个首篇段份则句道](?!人))"""
    ),
    "ja": compile_folded(
        r"""
        (?:ください|下さい|なさい|せよ|しろ|めよ|べよ|げよ|えよ|けよ|れよ|教えて|して|って|いて|げて|べて|えて|めて|
        けて|せて|んで|書け|解け|示せ|ますか|ですか|でしょうか|のか|るか|たか|すか|お願いします|お願い|ほしい|欲しい|
        [しり]たい|[しり]たいです|です？|ること|説明|要約|翻訳|比較|解説|作成|列挙|記述|計算|提案|紹介|考察|分析|設計|
        実装|修正)\s*(?:[：:、。．！？!?\n」）]|$)|あなたは|何ですか|なぜ|どのよう|どうすれ|いくつ|何[個人時]|どれ|
        どちら"""
    ),
    "ko": compile_folded(
        r"""
        (?:세요|시오|줘요?|줄래요?|[해하써어아여려]라|까요?|나요|는가|인가|은가|[습읍니]까|바랍니다|부탁\S*|싶\S+|
        봐요?|[할될쓸] 것|하기|필요해요?|필요합니다|설명|작성|비교|번역|요약|서술)\s*(?:[.?!。…\n,]|$)|당신은|너는|
        귀하는|왜 |무엇|어떻게|어떤|얼마|몇 |누구|언제|도와"""
    ),
    "th": compile_folded(
        r"""
        (?:^|\s)(?:
        โปรด|กรุณา|ช่วย|จง|อธิบาย|เขียน|บอก|ระบุ|เปรียบเทียบ|วิเคราะห์|ยกตัวอย่าง|สรุป|แปล|คำนวณ|แสดง|สร้าง|ออกแบบ|
        แนะนำ|เล่า|แต่ง|ขอ|วางแผน|คิด|แก้|พิสูจน์|จัด|เรียง|หา|ให้|สมมติ|คุณคือ|คุณเป็น|เสนอ|อภิปราย)
        |ทำไม|อะไร|อย่างไร|ยังไง|ไหม|หรือไม่|
        เท่าไ|กี่|ใคร|ที่ไหน|เมื่อไ|หรือเปล่า|มั้ย|อยาก|ต้องการให้|ฉันต้องการ|ผมต้องการ|ใด|(?:^|\s)(?:
        โต้แย้ง|ย่อ|ทำตาราง|สรุป|เปลี่ยน|
        แยกแยะ|จำลอง|โน้มน้าว|ปลอบ|ทำนาย|ตรวจ|เติม|ต่อ|เลือก|วาด|นิยาม|ทดสอบ|ลอง|ตั้งชื่อ|จินตนาการ|สมมุติ|สวมบท|เล่น)"""
    ),
    "hi": compile_folded(
        r"""
        (?:ओ|[^ह]ो|िए|िये|इए|इये|ें|एँ|एं|[ाी]ना| दो| कर|बता|लिख)\s*(?:[।.!|,:\n]|$)|
        \S{2,}(?:ाओ|िए|िये|खो|इए|इये)(?= (?:कि|जिस\S*|जो|ताकि|जिन\S*|जहाँ|जहां|और|पर|मगर|लेकिन)(?:\s|,))|क्या|कैसे|क्यों(?!कि)
        |कौन|कहाँ|कहां| कब|कितन|
        किस(?!ी)|
        (?:कीजिए|कीजिये|करो|करें|दीजिए|बताओ|लिखो|लिखिए|बनाओ|समझाओ|गढ़िए)(?= कि)"""
    ),
    "tr": compile_folded(
        r"""
        \b(?:yaz|açıkla|listele|say|anlat|çevir|hesapla|bul|ver|yap|oluştur|tasarla|karşılaştır|özetle|öner|belirt|
        göster|tanımla|hazırla|düşün|söyle|et|tartış|değerlendir|incele|ekle|planla|kanıtla|çöz|düzelt|yorumla|sırala|
        seç|geliştir|kullan|dönüştür|tamamla|düzenle|yanıtla|cevapla|kur|çiz|üret|uygula|gerekçelendir|savun|kullanma|
        verme|yapma|geçme|at|tut|kal)(?:y?[ıiuü]n(?:[ıiuü]z)?)?\s*(?:[.!,;:)\n]|$|ve\b)|\bm[ıiuü](?:s[ıiuü]n|
        d[ıiuü]r)?\b|nasıl|neden|\bne\b|kaç|hangi|kimdir|nedir|\b(?:lazım|gerekiyor|olsun|olmalı|içersin|
        kullanılmasın)\b"""
    ),
    "fa": compile_folded(
        r"""
        بنویس|بگو|نام ببر|توضیح [بد]|شرح ده|بده|(?<!می )(?<!می)کنید|دهید|(?<!می )(?<!می)کن\b|چیست|چگونه|چرا|چطور|کدام|
        آیا|چند|(?<!\w)چه |(?<!می )(?<!می)(?:بساز|بخوان|رد کن|پیدا کن)\b"""
    ),
}
"""Languages that write without spaces, or whose verb closes the sentence: how they ask, wherever it stands."""

ENDINGS: dict[str, re.Pattern[str]] = {
    "fr": compile_folded(
        r"""
        (?!chez\b|assez\b)\w{3,}ez\b|(?!(?:les?|des|ces|mes|ses|cette|une|elles?|ils|nous|vous|dans|sous|sans|comme|
        entre|contre|après|depuis|lorsque|outre|chaque|toutes|tous|ils|lorsque|mais)\b)\w{3,}[es] (?:une?|les?|la|des|
        moi|trois|deux|cinq|cette|ces|ton|ta|tes|mon|ma|mes)\b"""
    ),
    "de": compile_folded(
        r"""
        \w+n sie\b|(?!(?:diese|eine|keine|viele|einige|manche|alle|meine|deine|seine|ihre|unsere|beide|solche|jede|
        heute|ohne|gerade|habe|werde|würde)\b)\w{3,}e (?:eine?[nm]?|die|de[nm]|das|mir|uns|zwei|drei|fünf|zehn|alle|
        folgende\w*|diese\w*)\b"""
    ),
    "pl": compile_folded(
        r"""
        \w{3,}cie\b|\w{3,}(?:uj|aj|ij|yj)\b"""
    ),
    "cs": compile_folded(
        r"""
        \w+[ěe]?jte\b|\w{3,}[ěe]te\b|\w{3,}(?:uj|ej|ij)\b"""
    ),
    "ru": compile_folded(
        r"""
        \w+[ийь]те\b|\w{3,}(?:уй|ай|яй)\b"""
    ),
    "uk": compile_folded(
        r"""
        \w+(?:іть|[йь]те|іте)\b|\w{3,}(?:уй|ай|яй)\b"""
    ),
    "bg": compile_folded(
        r"""
        \w+[еай]те\b|\w{3,}(?:уй|ай|яй)\b"""
    ),
    "el": compile_folded(
        r"""
        \w+(?:[εέ]τε|[σψξ]τε|ησε|αξε|ψε|σε)\b"""
    ),
    "id": compile_folded(
        r"""
        (?!jumlah|adalah|sekolah|masalah|bukan|dengan|akan)\w{3,}(?:kan|lah)\b"""
    ),
    "ro": compile_folded(
        r"""
        \w{3,}(?:ați|eți|iți)\b"""
    ),
    "hu": compile_folded(
        r"""
        \w{2,}(?:[sznjlrt]d|ss|zz|[lrnt]j)\b"""
    ),
    "ar": compile_folded(
        r"""
        \w{2,}وا\b|ا(?!ل)\w{2,4}\b"""
    ),
}
"""By what an imperative that no list knows looks like one, at the start of a sentence."""
