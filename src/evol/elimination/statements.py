"""Does a text state something? Told by its first words, finite verbs and endings in some twenty-five languages. Pure.

Not the opposite of asking: "Impugn the claim" does neither that these tables know. Only what states, and does not ask,
is an answer; what does neither is left alone. Each pattern is written over several lines that are joined as they are
(`texts.compile_folded`).
"""

from __future__ import annotations

import re

from evol.elimination.readings import Reading
from evol.elimination.texts import compile_folded

# First words of a statement (articles, pronouns, yes and no), and finite verbs, which must stand in the main clause.
_OPENINGS: dict[str, re.Pattern[str]] = {
    language: compile_folded(pattern)
    for language, pattern in {
        "en": r"""
            (?:the|it|its|they|he|she|there|these|those|we|my|his|her|their|our|most|many|some|all|both|no|yes|every|
            neither|several|when|because|since|although|generally|usually|sorry|approximately|about|around|well|
            actually|sure)\b""",
        "de": r"""
            (?:der|die|das|den|dem|des|es|er|sie|wir|ich|man|dies|diese|dieser|dieses|viele|manche|einige|alle|beide|
            ja|nein|zuerst|etwa|ungefähr|laut|wenn|weil|obwohl)\b""",
        "fr": r"""
            (?:l[ea]s?|l'|ils?|elles?|on|c'|ce|cet|cette|ces|je|nous|oui|non|il y a|beaucoup|certaine?s|plusieurs|
            chaque|environ|selon|lorsque|si)\b""",
        "es": r"""
            (?:el|la|los|las|lo|hay|esto|este|esta|estos|estas|ese|esa|su|sus|sí|no|es|son|fue|según|cuando|si|se)\b""",
        "pt": r"""
            (?:o|a|os|as|há|ele|ela|eles|isto|isso|este|esta|esse|essa|seu|sua|sim|não|é|são|foi|segundo|quando|se)\b""",
        "it": r"(?:il|lo|la|i|gli|le|l'|è|c'è|ci sono|sono|fu|questo|questa|questi|si|sì|no|secondo|quando|se)\b",
        "nl": r"(?:de|het|er|dit|dat|ja|nee|ze|hij|zij|men|volgens|als|veel|sommige)\b",
        "hu": r"(?:a|az|ez|igen|nem|ő|ők)\b",
        "sv": r"(?:det|den|de|han|hon|man|ja|nej|enligt|många)\b",
        "da": r"(?:det|den|de|han|hun|man|ja|nej|nei|ifølge|mange)\b",
        "ar": r"""
            (?:ال\w+|لل\w+|هو|هي|هم|كان|كانت|هناك|يوجد|توجد|إن|لأن|هذا|هذه|نعم|لا|وفقا|ي\w{3,}|ت\w{4,}|من أهم|
            يمكن)\b""",
        "he": r"(?:זה|זו|זאת|הוא|היא|הם|הן|יש|אין|כן|לא|היה|הייתה|לפי|כי)\b",
        "pl": r"(?:to|nie|tak|jest|są|był|była|według|istnieje)\b",
        "ru": r"(?:это|нет|да|есть|было|был|была|по|существует|в|на)\b",
        "uk": r"(?:це|ні|так|є|було|був|була|за|існує|у|в|на)\b",
        "el": r"(?:ο|η|το|οι|τα|είναι|ναι|όχι|υπάρχ\w+|αυτ\w+|σύμφωνα)\b",
        "tr": r"(?:evet|hayır|burası|onlar)\b",
        "id": r"(?:ini|itu|ya|tidak|ada|menurut|mereka|ia)\b",
        "vi": r"(?:đó|đây|có|không|nó|họ|theo)\b",
    }.items()
}
_FINITE: dict[str, re.Pattern[str]] = {
    language: compile_folded(pattern)
    for language, pattern in {
        "en": r"""
            \b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|does|did|isn't|aren't|wasn't|don't|
            doesn't|cannot|can't|became|became|won|wrote|said|made|took|gave|got|went|came|saw|found|began|means)\b|
            ['’]s (?:a|an|the)\b""",
        "de": r"""
            \b(?:ist|sind|war|waren|hat|haben|wird|werden|wurde|wurden|kann|können|gibt|besteht|liegt|bedeutet|
            bezeichnet|muss|soll|darf|mag|heißt|heissen|macht|geht|kommt|steht|heisst|zeigt|nennt man|lässt)\b""",
        "fr": r"""
            \b(?:est|sont|était|étaient|a|ont|peut|peuvent|fait|font|permet|permettent|désigne|consiste|contient|
            signifie|sera|fut|ne)\b|n'""",
        "es": r"""
            \b(?:es|son|era|fue|fueron|tiene|tienen|ha|han|puede|pueden|está|están|hay|permite|consiste|significa|
            se)\b""",
        "pt": r"\b(?:é|são|era|foi|foram|tem|têm|há|pode|podem|está|estão|permite|consiste|significa|se)\b",
        "it": r"\b(?:è|sono|era|fu|furono|ha|hanno|può|possono|sta|permette|consiste|significa|si|viene|vengono)\b|c'è",
        "nl": r"\b(?:is|zijn|was|waren|heet|heten|heeft|hebben|kan|kunnen|wordt|worden|betekent|bestaat|ligt|maakt|gaat)\b",
        "pl": r"\b(?:jest|są|był|była|było|były|ma|mają|to|może|mogą|nie|polega|oznacza|składa|leży|został|została)\b",
        "cs": r"\b(?:je|jsou|byl|byla|bylo|má|mají|může|není|nejsou|znamená|spočívá|se)\b",
        "ru": r"""
            [—–]|\b(?:это|является|являются|был|была|было|были|есть|имеет|имеют|может|могут|состоит|называется|
            находится|не|нет)\b|\b\w+(?:ает|яет|ует|еет|ёт|ают|яют|уют|еют|ится|ется|утся|ются|ятся)\b|\bкипит|
            равн[аоы]\b""",
        "uk": r"[—–]|\b(?:це|є|був|була|було|були|має|мають|може|можуть|складається|називається|не|немає)\b"
        r"|\b\w+(?:ає|яє|ує|іє|ають|яють|ують|іють|иться|ється|аються|уються)\b|\bкипить",
        "bg": r"\b(?:е|са|беше|бяха|има|имат|може|могат|не|няма)\b",
        "el": r"\b(?:είναι|ήταν|έχει|έχουν|υπάρχ\w+|μπορεί|δεν|αποτελεί|σημαίνει|κάνει)\b",
        "tr": r"""
            (?:[dt][ıiuü]r(?:l[ae]r)?|yor(?:l[ae]r)?|m[ıiuü]ş(?:t[ıiuü]r?)?|[dt][ıiuü]|[aeıiuü]r|maz|mez|
            [ae]c[ae][kğ]|var|yok|değil)\s*$|\b(?:vardır|değildir|olarak)\b""",
        "ar": r"""
            \b(?:هو|هي|هم|كان|كانت|يكون|تكون|يوجد|توجد|ليس|ليست|لأن|تقع|يقع|يعني|تعني|يتكون|وتقلل|تعد|يعد|تعتبر|
            يعتبر)\b""",
        "he": r"\b(?:הוא|היא|הם|הן|יש|אין|היה|היתה|הייתה|היו|אינו|אינה|אינם|כי|נמצא\w*|נחשב\w*)\b",
        "fa": r"""
            (?:است|هستند|نیست|نیستند|بود|بودند|دارد|دارند|شود|شد|شوند|کند|کنند|آید|باشد|رود|دهد|دهند|می\s?\w+د)\s*$""",
        "hi": r"(?:है|हैं|था|थी|थे|हूँ|हो|गया|गई|गए|गे|गी|गा|होते|होता|होती)\s*$|\b(?:है|हैं|थी|था)\b",
        "zh": r"""
            ^(?:这|該|该|此|它|他|她|我们|他们|人们)|[是有了]|因为|由于|使得|具有|包括|位于|属于|称为|指的是|意味|
            可以|通过|大约|不会|没有|能够|不|的\s*$|很|最|在.{1,12}[上下中时]""",
        "ja": r"""
            (?:です|ます|でした|ました|ません|である|だ|だった|った|いた|した|ない|いる|ある|する|れる|える|なる|い|
            る|た)\s*$""",
        "ko": r"(?:다|어요|아요|예요|이에요|네요|죠|음|임)\s*$",
        "th": r"คือ|เป็น|มี|ได้|เพราะ|จะ|ถูก|อยู่|ไม่|แล้ว|ทำให้|เกิด",
        "vi": r"\b(?:là|có|được|đã|bị|vì|do|sẽ|đang|gồm|thuộc|không|nằm|giúp|làm|ở)\b",
        "id": r"""
            \b(?:adalah|merupakan|memiliki|punya|ada|karena|akan|dapat|bisa|terdiri|tidak|berasal|menjadi|ialah|telah|
            mempunyai|berarti|terletak|sangat|me\w{4,}|ber\w{4,}|di\w{4,})\b""",
        "sv": r"\b(?:är|var|har|kan|inte|finns|heter|blir|beror|orsakas|kallas|utgör|betyder|ligger|består)\b",
        "da": r"""
            \b(?:er|var|har|kan|ikke|findes|finnes|hedder|heter|skyldes|kaldes|udgør|utgjør|bliver|blir|betyder|betyr|ligger|
            består)\b""",
        "hu": r"\b(?:van|volt|vannak|nem|lehet|egy|azt jelenti)\b",
        "fi": r"\b(?:on|ovat|oli|olivat|ei|eivät|voi|voivat)\b",
        "ro": r"\b(?:este|sunt|era|are|au|poate|nu|înseamnă|se)\b",
    }.items()
}
# "Water boils …", "Wasser kocht …", "Vand koger …": the third person (in English the past too) near the beginning.
_THIRD_PERSON: dict[str, re.Pattern[str]] = {
    "en": re.compile(
        r"(?:[\w'-]+ ){1,3}?(?!this|its|as|us|is|yes|plus|less|versus|always|perhaps)\w{2,}(?:[^s\W]s|ed)\b(?= \w)"
    ),
    "de": re.compile(
        r"(?:\w+ ){1,2}?(?!nicht|seit|samt|sonst|selbst|statt|dort|jetzt|bereits|recht|acht)\w{3,}t\b(?= \w)"
    ),
    "nl": re.compile(r"(?:\w+ ){1,2}?(?!niet|acht|eerst|naast|echt|licht)\w{3,}t\b(?= \w)"),
    "fr": re.compile(r"(?:[\w']+ ){1,4}?(?!comment|souvent|avant|pendant|devant|autant|argent)\w{4,}nt\b(?= \w)"),
    "sv": re.compile(r"(?:\w+ ){1,2}?(?!eller|efter|under|över|fyller)\w{3,}(?:ar|er)\b(?= \w)"),
    "da": re.compile(r"(?:\w+ ){1,2}?(?!eller|efter|under|over|etter)\w{3,}er\b(?= \w)"),
}
_SUBORDINATE = compile_folded(
    r"""
    \b(?:that|which|who|whose|whether|why|how|what|where|dass|ob|warum|wie|que|quoi|comment|pourquoi|qui|dont|che|
    perché|come|waarom|hoe|że|czy|dlaczego|jak|który\w*|že|proč|jak|что|чтобы|который|почему|как|що|щоб|який|чому|як|
    ότι|γιατί|πώς|πως|που|bahwa|yang|mengapa|bagaimana|rằng|mà|tại sao|hvorfor|hogy|miért|että|miksi|că|care|de ce)\b|
    أن |الذي|التي|لماذا|كيف|(?<!\w)ש\w|למה|מדוע|איך|که |چرا|چگونه| कि |जो|क्यों|为什么|如何|怎么"""
)


def states(reading: Reading) -> bool:
    """Whether one of the first five sentences of the prose states something, in a language known here."""
    return any(_states(sentence, reading.likely_in_prose) for sentence in reading.sentences[:5])


def _states(sentence: str, likely: frozenset[str]) -> bool:
    subordinate = _SUBORDINATE.search(sentence)
    main = sentence[: subordinate.start()] if subordinate and subordinate.start() else sentence
    opening, _, rest = main.partition(", ")
    for language in sorted(likely):
        opens = _OPENINGS.get(language)
        if opens and (opens.match(sentence) or (rest and len(opening) < 40 and opens.match(rest))):
            return True
        for table in (_FINITE, _THIRD_PERSON):
            pattern = table.get(language)
            if pattern and (pattern.search(main) if table is _FINITE else pattern.match(sentence)):
                return True
    return False
