"""Phrases by which an assistant gives itself away, by language, as data: what it is, and what it offers.

Patterns are matched at the start of a word of folded text (`texts.fold`); each is written over several lines that are
joined as they are (`texts.compile_folded`). They are narrow: "as an AI engineer" is no self-talk, "this cannot be
determined" no refusal. Nothing here decides; see `rules.py`.
"""

from __future__ import annotations

import re
from functools import cache

from evol.elimination.texts import compile_folded

Phrases = dict[str, str]
_UNSPACED = ("zh", "ja", "ko", "th")

SELF_TALK: Phrases = {
    "en": r"""
        as an? (?:large |ai |artificial intelligence )*language model|as an? (?:ai|artificial intelligence|
        virtual assistant|digital assistant)(?: assistant| model| system| chatbot)?(?:
        ,|\.| i\b| developed| created| trained| made by| built| designed to| without| with no)|
        i(?: am|'m) (?:just |only |merely |simply )an? (?:computer |software )?(?:program|robot|bot|machine|piece of
        software)\b|i(?: am|'m) a computer program\b|i(?: am|'m) (?:just |only |merely )?an? (?:ai\b(?! \w+(?:er|or|ist|ian)\b)|artificial intelligence\b|
        (?:large )?language model|virtual assistant|chatbot)|my (?:training data|knowledge cut-?off)|
        i was trained (?:by|on)|i don't have (?:personal )?(?:feelings|opinions|emotions|
        experiences)(?: or \w+)?(?: like humans?| as an ai)""",
    "de": r"""
        als (?:eine? |einem |einer )?(?:reine[sr]? |gro(?:ß|ss)es )?(?:ki\b|ki-\w+|künstliche intelligenz|
        sprachmodell|virtuelle\w? assistent)(?=.{0,40}\b(?:ich|mir|mich)\b)|ich bin (?:nur |lediglich )ein (?:computer)?programm\b|ich bin (?:nur |lediglich |blo(?:ß|
        ss) )?eine? (?:ki\b|ki-\w+|künstliche intelligenz|(?:gro(?:ß|ss)es )?sprachmodell)""",
    "fr": r"""
        je (?:ne )?suis (?:qu'|juste |seulement )un (?:simple )?programme\b|en tant qu(?:'|e )(?:ia\b|intelligence artificielle|assistant (?:ia|virtuel|d'ia)|
        (?:grand )?modèle (?:de langage|linguistique|d'ia|d'intelligence artificielle))|je (?:suis|ne suis qu)(?:
        '| )?(?:juste |
        seulement )?une? (?:ia\b|intelligence artificielle|(?:grand )?modèle (?:de langage|linguistique))""",
    "es": r"""
        soy (?:solo |sólo |simplemente )un programa\b|como (?:una? )?(?:ia\b|inteligencia artificial|(?:gran )?modelo (?:de lenguaje|lingüístico|de ia|
        de inteligencia artificial)|asistente (?:de ia|virtual))|soy (?:solo |sólo |simplemente )?una? (?:ia\b|
        inteligencia artificial|(?:gran )?modelo de lenguaje|asistente virtual)""",
    "pt": r"""
        como (?:uma? )?(?:ia\b|inteligência artificial|(?:grande )?modelo (?:de linguagem|de língua|de ia|
        de inteligência artificial)|assistente (?:de ia|virtual))|sou (?:apenas |só )?uma? (?:ia\b|
        inteligência artificial|(?:grande )?modelo de linguagem|assistente virtual)""",
    "it": r"""
        (?:in quanto|come|essendo) ?(?:un |un'|una )?(?:ia\b|ai\b|intelligenza artificiale|modello (?:di lingu\w+|
        linguistico)|assistente (?:ai|ia|virtuale))|sono (?:solo |soltanto )?un(?:'|a |o )? ?(?:ia\b|ai\b|
        intelligenza artificiale|modello (?:di lingu\w+|linguistico))""",
    "nl": r"""
        als (?:een )?(?:ai\b|ai-\w+|kunstmatige intelligentie|(?:groot )?taalmodel)(?=.{0,40}\b(?:ik|mij|me)\b)|
        ik ben (?:slechts |maar )?een (?:ai\b|ai-\w+|kunstmatige intelligentie|(?:groot )?taalmodel)""",
    "pl": r"""
        jako (?:duży )?(?:model językow\w+|sztuczna inteligencja|asystent ai|ai\b|wirtualny asystent)|
        jestem (?:tylko )?(?:modelem językow\w+|sztuczną inteligencją)""",
    "cs": r"""
        jako (?:velký )?(?:jazykov\w+ model|umělá inteligence|ai\b)|
        jsem (?:jen )?(?:jazykový model|umělá inteligence)""",
    "sv": r"""
        som (?:en |ett )?(?:stor )?(?:ai\b|ai-\w+|språkmodell)(?=.{0,40}\bjag\b)|jag är (?:bara )?en (?:ai\b|ai-\w+|
        språkmodell)""",
    "da": r"""
        som (?:en |ett? )?(?:stor )?(?:ai\b|ai-\w+|ki\b|sprogmodel|språkmodell)(?=.{0,40}\bjeg\b)|jeg er (?:bare |
        kun )?en (?:ai\b|ai-\w+|sprogmodel|språkmodell)""",
    "ro": r"""
        ca (?:un )?(?:model (?:de limbaj|lingvistic)|asistent (?:ai|virtual)|ai\b)|ca inteligență artificială|
        sunt (?:doar )?(?:un model de limbaj|o inteligență artificială)""",
    "hu": r"""
        (?:nyelvi modellként|mesterséges intelligenciaként|ai-ként)|mint (?:egy )?(?:nyelvi modell|
        mesterséges intelligencia|ai\b)""",
    "fi": r"""
        (?:tekoälynä|kielimallina|tekoälymallina|tekoälyavustajana)|olen (?:vain )?(?:tekoäly|kielimalli)""",
    "tr": r"""
        bir (?:yapay zek[aâ]|(?:büyük )?dil model\w*)\w*(?: \w+){0,3} olarak|yapay zek[aâ](?: \w+){0,3} olarak|
        ben (?:sadece )?bir (?:yapay zek[aâ]|dil model)""",
    "vi": r"""
        (?:là|với tư cách là|với vai trò là) một (?:mô hình ngôn ngữ|trí tuệ nhân tạo|trợ lý (?:ai|ảo)|ai\b)|
        tôi (?:chỉ )?là (?:một )?(?:mô hình ngôn ngữ|trí tuệ nhân tạo|ai\b)""",
    "id": r"""
        sebagai (?:sebuah )?(?:ai\b|model (?:bahasa|ai)|kecerdasan buatan|asisten (?:ai|virtual))(?=.{0,40}\b(?:saya|
        aku)\b)|saya (?:hanya(?:lah)? |adalah )(?:sebuah )?(?:ai\b|model bahasa|kecerdasan buatan)""",
    "ru": r"""
        как (?:большая )?(?:ии\b|ии-\w+|языков\w+ модел\w+|искусственн\w+ интеллект|виртуальн\w+ (?:помощник|
        ассистент))(?=.{0,40}\b(?:я|у меня|мне|мой)\b)|я (?:всего лишь |лишь |просто |только |
        являюсь )?(?:[—–-] )?(?:всего лишь |лишь |просто )?(?:ии\b|ии-\w+|(?:большая |большой )?языков\w+ модел\w+|
        искусственн\w+ интеллект\w*)|будучи (?:языков|искусственн|ии\b)""",
    "uk": r"""
        як (?:велика )?(?:ші\b|мовна модель|модель мови|штучний інтелект|віртуальн\w+ (?:помічник|
        асистент))(?=.{0,40}\b(?:я|у мене|мені)\b)|я (?:лише |просто |всього лише )?(?:[—–-] )?(?:лише |
        просто )?(?:ші\b|(?:велика )?мовна модель|штучний інтелект)|будучи (?:мовною|штучним)""",
    "bg": r"""
        като (?:езиков модел|изкуствен интелект|голям езиков)|аз съм (?:само )?(?:езиков модел|изкуствен интелект)""",
    "el": r"""
        ως (?:μεγάλο )?(?:γλωσσικό μοντέλο|μοντέλο (?:γλώσσας|ai)|τεχνητή νοημοσύνη|βοηθός (?:ai|τεχνητής))|
        είμαι (?:απλώς |μόνο )?(?:ένα γλωσσικό μοντέλο|μια τεχνητή νοημοσύνη)""",
    "ar": r"""
        (?:بصفتي|باعتباري|كوني|بوصفي) (?:مجرد )?(?:نموذج\w*|ذكاء|مساعد\w*)|كنموذج (?:لغ|ذكاء)|كذكاء اصطناعي|
        أنا (?:مجرد )?(?:نموذج لغ|ذكاء اصطناعي|نموذج ذكاء|برنامج ذكاء)""",
    "he": r"""
        כ?מודל שפה(?: גדול)?,? (?:אני|אין לי|איני)|כ(?:בינה מלאכותית|מודל בינה)|אני (?:רק )?(?:מודל שפה|
        בינה מלאכותית)|בתור (?:מודל שפה|בינה מלאכותית)""",
    "fa": r"""
        به عنوان (?:یک )?(?:مدل زبان|هوش مصنوعی|دستیار)|من (?:فقط |تنها )?(?:یک )?(?:مدل زبان|هوش مصنوعی)""",
    "hi": r"""
        (?:एक )?(?:ए ?आई|ai|भाषा मॉडल|कृत्रिम बुद्धिमत्ता)[^।]{0,25} (?:के रूप में|होने के नाते|के नाते)|मैं (?:
        केवल |सिर्फ |
        सिर्फ़ )?एक (?:एआई|ai|भाषा मॉडल|कृत्रिम)""",
    "zh": r"""
        (?:作为|作為|身为)(?:一[个個名款种])?(?:大型)?(?:ai|人工智能|人工智慧|语言模型|語言模型)(?:语言模型|語言模型|
        助手|助理|模型|系统)?[，,、 ]?(?:我|无法|無法|本)|我(?:只|仅仅|仅)?是(?:一[个個款名])?(?:ai|人工智能|人工智慧|
        大?型?语言模型|語言模型)""",
    "ja": r"""
        (?:ai|人工知能|(?:大規模)?言語モデル)(?:言語モデル|アシスタント|モデル)?(?:として、?|である(?:私|ため)|
        です(?:ので|から)|なので)|私は(?:ただの)?(?:ai|人工知能|(?:大規模)?言語モデル)""",
    "ko": r"""
        (?:ai|인공지능|언어 모델)(?: 언어 모델| 모델| 비서| 어시스턴트)?(?:로서|이기 때문|이므로|이라서|으로서)|
        저는 (?:단지 |그저 )?(?:ai|인공지능|(?:대형 |대규모 )?언어 모델)""",
    "th": r"""
        (?:ในฐานะ|เนื่องจาก)(?:ที่เป็น|ฉันเป็น|ผมเป็น)?\s?(?:ปัญญาประดิษฐ์|โมเดล|แบบจำลอง|ai|เอไอ|ผู้ช่วย)|(?:
        ฉัน|ผม|ดิฉัน|
        เรา)เป็น(?:เพียง|แค่)?\s?(?:ai|เอไอ|ปัญญาประดิษฐ์|โมเดล|แบบจำลองภาษา)""",
}
"""An assistant that speaks of itself as one."""

SERVICE_TALK: Phrases = {
    "en": r"""
        how (?:can|may|could) i (?:assist|help|be of)|what can i (?:do for|help|assist) you|i(?:'m| am) here to (?:help|
        assist)|i(?:'d| would|'ll| will|'m| am) (?:be )?(?:more than |very |so )?(?:happy|glad|delighted|
        pleased) to (?:help|assist)""",
    "de": r"""
        wie (?:kann|darf) ich (?:dir|ihnen|euch)? ?(?:heute )?(?:weiter)?(?:helfen|behilflich|unterstützen)|
        womit kann ich|ich helfe (?:dir|ihnen|euch) (?:dabei |da )?gerne?|gerne helfe ich|ich bin hier, um (?:dir|
        ihnen) zu helfen""",
    "fr": r"""
        comment puis-je (?:vous |t')(?:aider|assister|être utile)|en quoi puis-je|je (?:serais|serai|suis) (?:ravie?|
        heureu(?:x|se)) de (?:vous |t')aider|je suis là pour (?:vous |t')aider""",
    "es": r"""
        (?:en qué|cómo) (?:te |le |les )?puedo (?:ayudar|asistir)|estar[ée] encantad[oa] de ayudar|
        con (?:mucho )?gusto (?:te|le) ayud|estoy aquí para ayudar""",
    "pt": r"""
        (?:como|em que) (?:eu )?posso (?:te |lhe |ajudar|ajudá|auxiliar)|(?:ficarei|ficaria|estou) feliz em (?:te |
        lhe )?ajud|estou aqui para (?:te )?ajudar|terei prazer em ajud""",
    "it": r"""
        come posso (?:aiutar|esser|assister)|in (?:che|cosa) (?:modo )?posso aiutar|(?:sarò|sarei|sono) (?:felice|
        lieto|lieta) di aiutar|sono qui per aiutar""",
    "nl": r"""
        (?:hoe|waarmee) kan ik (?:je|u|jou) (?:vandaag )?(?:\w+ )?(?:helpen|assisteren|van dienst)|ik help (?:je|
        u) (?:hier )?graag|ik ben hier om (?:je|u) te helpen""",
    "pl": r"""
        (?:w czym|jak) mogę (?:\w+ ){0,2}pomóc|(?:chętnie|z przyjemnością) (?:\w+ )?pomogę|jestem tu(?:taj)?, (?:aby|
        żeby) (?:\w+ )?pomóc""",
    "cs": r"""
        (?:jak|s čím) (?:vám|ti) mohu (?:\w+ )?pomoci|rád (?:vám|ti) pomohu""",
    "sv": r"""
        hur kan jag hjälpa|vad kan jag hjälpa|jag hjälper (?:dig )?gärna""",
    "da": r"""
        hvordan kan jeg hjælpe|hva(?:d)? kan jeg hjelpe?|hvad kan jeg hjælpe|hvordan kan jeg hjelpe|jeg hj(?:æ|
        e)lper (?:dig|deg)? ?gjerne?""",
    "ro": r"""
        cum (?:te|vă) pot ajuta|cu ce (?:te|vă) pot ajuta|aș fi bucuros să""",
    "hu": r"""
        miben segíthetek|hogyan segíthetek|szívesen segítek""",
    "fi": r"""
        miten voin auttaa|kuinka voin auttaa|autan mielelläni""",
    "tr": r"""
        (?:size|sana) (?:bugün )?nasıl yardımcı|nasıl yardımcı olabilirim|yardımcı olmaktan (?:mutluluk|memnun)|
        yardımcı olmak için buradayım""",
    "vi": r"""
        tôi có thể giúp (?:gì|được gì|bạn)|tôi (?:rất )?(?:sẵn lòng|vui lòng|sẵn sàng|vui) (?:được )?giúp""",
    "id": r"""
        (?:apa )?(?:ada )?yang (?:bisa|dapat) saya bantu|bagaimana saya (?:bisa|dapat) membantu|
        (?:dengan )?senang hati (?:saya )?(?:akan )?membantu|
        saya (?:akan )?(?:dengan )?senang (?:hati )?(?:untuk )?membantu""",
    "ru": r"""
        (?:чем|как) (?:я )?(?:могу|могла бы|мог бы) (?:\w+ ){0,2}помочь|(?:буду рада?|с радостью|рада?) (?:вам )?помо|
        с удовольствием (?:\w+ )?помогу|я здесь, чтобы помочь""",
    "uk": r"""
        (?:чим|як) (?:я )?можу (?:\w+ ){0,2}допомогти|(?:буду радий|буду рада|із радістю|з радістю|радо|
        охоче) (?:вам )?допомо|із задоволенням допоможу""",
    "bg": r"""
        (?:с какво|как) мога да (?:ви )?помогна""",
    "el": r"""
        πώς μπορώ να (?:σε |σας )?βοηθήσω|με χαρά (?:θα |να )?(?:σε |σας )?βοηθ|είμαι εδώ για να (?:σε |σας )?βοηθ""",
    "ar": r"""
        كيف (?:يمكنني|أستطيع|بإمكاني) (?:\w+ )?(?:مساعدت|أن أساعد)|(?:يسعدني|بكل سرور) (?:أن )?(?:أ?ساعد|مساعدت)|
        أنا هنا لمساعدت""",
    "he": r"""
        (?:איך|במה|כיצד) (?:אני )?(?:אוכל|יכול\w*) (?:\w+ )?לעזור|אשמח לעזור|אני כאן כדי לעזור""",
    "fa": r"""
        (?:چگونه|چطور) می ?توانم (?:به شما )?کمک|خوشحال می ?شوم (?:که )?(?:به شما )?کمک""",
    "hi": r"""
        मैं (?:आज )?आपकी (?:आज )?(?:कैसे|क्या|किस प्रकार|किस तरह) (?:मदद|सहायता)|(?:आपकी )?(?:मदद|
        सहायता) करने में (?:मुझे )?(?:खुशी|ख़ुशी)|मुझे आपकी (?:मदद|सहायता)""",
    "zh": r"""
        有什[么麼](?:我)?(?:可以|能)(?:为|為|帮|幫)|(?:我)?(?:可以|能)(?:怎么|如何)帮|(?:很|非常)?(?:高兴|高興|乐意|
        樂意)(?:能|能够)?(?:为您|为你|為|帮|幫|协助)""",
    "ja": r"""
        (?:何か|何を|どのように)(?:ご)?(?:お手伝い|お力|お役に)|喜んで(?:お手伝い|お答え)|お手伝い(?:できることは|
        しましょうか|します)""",
    "ko": r"""
        (?:무엇을|어떻게|뭘) 도와|도와드릴 (?:일|것|까요)|(?:기꺼이|기쁘게) 도와|도와드리(?:겠|게 되어)""",
    "th": r"""
        มีอะไรให้(?:ฉัน|ผม|ดิฉัน|เรา)?ช่วย|ยินดี(?:ที่จะ|ที่ได้)?ช่วย|ให้(?:ฉัน|ผม)ช่วยอะไร""",
}
"""An assistant that offers its services."""


@cache
def _compile(language: str, lines: str) -> re.Pattern[str]:
    return compile_folded(f"(?:{lines})" if language in _UNSPACED else rf"(?<!\w)(?:{lines})")


def find_phrase(phrases: Phrases, text: str, languages: frozenset[str]) -> re.Match[str] | None:
    """The first phrase of a table in folded text, in English or one of the given languages; in any if none is given."""
    known = languages & phrases.keys()
    found: re.Match[str] | None = None
    # one pattern a language: a pattern for each set of languages would be compiled anew for hundreds of them
    for language in sorted(known | {"en"} & phrases.keys()) if known else phrases:
        match = _compile(language, phrases[language]).search(text)
        if match and (found is None or match.start() < found.start()):
            found = match
    return found
