"""By what an answer betrays itself where an instruction should stand, as data for `answered.py`.

Each pattern is written over several lines that are joined as they are (`texts.compile_folded`).
"""

from __future__ import annotations

from evol.elimination.texts import compile_folded, fold

_LABELS = r"""
    answer|solution|response|sample answer|expected answer|model answer|correct answer|final answer|antwort|lösung|
    musterlösung|réponse|solution|corrigé|respuesta|solución|resposta|solução|resolução|risposta|soluzione|antwoord|
    oplossing|odpowiedź|rozwiązanie|odpověď|řešení|svar|lösning|løsning|răspuns|soluție|válasz|megoldás|vastaus|
    ratkaisu|cevap|yanıt|çözüm|trả lời|đáp án|lời giải|jawaban|penyelesaian|ответ|решение|відповідь|розв'язок|
    розв'язання|отговор|απάντηση|λύση|الإجابة|الجواب|الحل|إجابة|תשובה|פתרון|پاسخ|جواب|उत्तर|हल|समाधान|答案|回答|解答|
    答|答え|解答例|정답|답변|답|풀이|คำตอบ|เฉลย"""
LABELLED = compile_folded(
    rf"(?:\A|[.?!。？！؟\n(])[\s*_#>\"]{{0,8}}(?:the\s+)?(?:{_LABELS})[*_\s]{{0,8}}[:：][*_\s]{{0,8}}([^\n]*)"
)
"""An answer behind its label; group 1 is the first line of it."""
LABEL_WORDS = frozenset(fold("".join(line.lstrip() for line in _LABELS.splitlines())).replace("|", " ").split())
"""Words of the labels: where a text holds none of them, it holds no label."""
INTERJECTION = compile_folded(
    r"""
    (?:sure|certainly|of course|absolutely|great question|natürlich|gerne|klar|bien sûr|
    certainement|claro|por supuesto|com certeza|certo|certamente|natuurlijk|oczywiście|конечно|звичайно|elbette|tabii|
    بالتأكيد|بالطبع|כמובן|当然|好的|もちろん|물론)[,.!:，。！：、]"""
)
"""A paragraph that begins as a reply does."""
SALUTATION = compile_folded(
    r"""
    (?:subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|тема|konu|主题|件名|제목)\s*[:：]|dear\s+\S|(?:hi|
    hello|hey)\s+(?!there)\w+(?:\s+\w+)?\s*[,!]|to whom it may|sehr geehrte|liebe[rs]?\s+\S|hallo\s+\w+\s*[,!]|
    chère?s?\s+\S|madame|monsieur|bonjour\s+\w+\s*,|estimad[oa]s?\s|querid[oa]s?\s|hola,?\s+\w+\s*[,:]|prezad[oa]s?\s|
    car[oai]\s+\w+\s*,|gentil[ei]\s|egregi|spettabil|beste\s+\w+\s*,|geachte\s|szanown[aiey]|drog[aiey]\s|
    cześć,?\s+\w+|уважаем|дорог(?:ой|ая|ие)\s|шановн|дорог[аеі]\s|sayın\s|sevgili\s|عزيز[يت]|السيد|إلى\s\S+|לכבוד|
    שלום\s\w+|היי\s|प्रिय\s|आदरणीय\s|尊敬的|亲爱的|拝啓|親愛なる|안녕하세요|친애하는|เรียน\s*คุณ|ถึง\s?คุณ|kính gửi|
    chào\s\w+|yth\.?\s|kepada\s|αγαπητ|αξιότιμ"""
)
"""How letters begin."""
ONCE = compile_folded(
    r"""
    once upon a time|es war einmal|il était une fois|érase una vez|había una vez|era uma vez|c'era una volta|
    er was eens|dawno,? (?:dawno )?temu|žil byl|det var en gång|der var engang|a fost odată|egyszer volt|olipa kerran|
    жил-был|жили-были|колись давно|жив собі|bir varmış|ngày xửa|pada suatu|kisah ini|μια φορά κι|كان يا ما|
    كان يا مكان|היה היה|एक समय|एक बार|یکی بود|从前|很久以前|昔々|むかし|옛날|กาลครั้งหนึ่ง"""
)
"""How tales begin."""
HOW = compile_folded(
    r"""
    \bhow (?:to|do|does|can|should|would|could|might)\b|\bsteps (?:to|for)\b|\btips\b|\bways (?:to|of)\b|
    \brecipe (?:for|of)\b|instructions? for|\bguide (?:to|for)\b|\badvice\b|\bwie\b|anleitung|rezept|tipps|schritte|
    comment|manières de|façons de|moyens de|maneras de|formas de|maneiras de|modi (?:di|per)|manieren om|recette|étapes|conseils|cómo|receta|pasos|consejos|\bcomo\b|receita|passos|dicas|\bcome\b|ricetta|passi|
    consigli|\bhoe\b|recept|stappen|\bjak\b|sposob|sposób|przepis|kroki|porady|wskazówki|\bhur\b|\bsätt att\b|måder|måter|hvordan|\bcum\b|hogyan|miten|nasıl|
    tarif|adım|\byol(?:u|ları)?\b|yöntem|\bкак\b|рецепт|шаги|советы|способ|\bяк\b|кроки|поради|спос[оі]б|πώς|τρόπο|συνταγή|βήματα|كيف|وصفة|خطوات|نصائح|איך|כיצד|מתכון|
    טיפים|چگونه|چطور|مراحل|कैसे|विधि|怎么|如何|步骤|食谱|做法|怎样|どう|方法|作り方|手順|レシピ|어떻게|방법|레시피|วิธี|
    ขั้นตอน|สูตร|อย่างไร|\bcách\b|công thức|\bcara\b|resep|langkah|what (?:helps|to do)|was hilft|was tun|que faire|
    qué hacer|cosa fare|o que fazer|что делать|щo робити|ne yapmalı|怎么办"""
)
"""Asks for a procedure."""
TEXT_KIND = compile_folded(
    r"""
    \b(?:poem|haiku|sonnet|limerick|verses?|song|lyrics|rap|ballad|story|tale|fable|dialogue|dialog|conversation|
    script|scene|interview|sketch|gedicht|lied|geschichte|märchen|gespräch|poème|chanson|histoire|conte|dialogue|
    poema|canción|historia|cuento|diálogo|canção|história|conto|poesia|canzone|storia|racconto|dialogo|gedicht|
    verhaal|dialoog|wiersz|opowiadanie|dialog|piosenk\w+|стих\w*|рассказ|сказк\w*|диалог|песн\w*|вірш\w*|оповідання|
    казк\w*|діалог|пісн\w*|şiir|hikâye|hikaye|masal|diyalog|thơ|truyện|puisi|cerita|ποίημα|ιστορία|διάλογο)\w{0,3}\b|
    قصيدة|قصة|حوار|أغنية|שיר|סיפור|דיאלוג|कविता|कहानी|संवाद|شعر|داستان|诗|詩|故事|对话|俳句|歌|物語|会話|시를|시 한|
    이야기|대화|กลอน|บทกวี|นิทาน|เรื่อง"""
)
"""Kinds of text in verses or in several voices, and tales."""
QUESTION_KIND = compile_folded(
    r"""
    question|quiz|riddle|survey|\bfragen\b|rätsel|preguntas|acertijo|perguntas|adivinha|domande|indovinell|vragen|
    raadsel|pytań|pytania|zagadk|вопрос|загадк|питань|питання|soru|bilmece|أسئلة|لغز|שאלות|חידה|प्रश्न|सवाल|पहेली|问题|
    谜语|質問|クイズ|なぞなぞ|질문|퀴즈|คำถาม|câu hỏi|câu đố|pertanyaan|teka-teki|ερωτήσεις|γρίφο"""
)
"""Wants questions."""
WRITES = compile_folded(
    r"""
    (?:please\s+)?(?:write|compose|create|draft|generate|craft|invent|schreib|verfass|erstell|formulier|entwirf|écri|
    rédige|compose|crée|escrib|redact|crea|escrev|redij|cri[ea]|scriv|redig|crea|schrijf|maak|napisz|stwórz|ułóż|
    napiš|skriv|scrie|írj|kirjoita|напиш|сочини|придумай|составь|створи|склади|yaz|اكتب|כתוב|כתבו|नویس|लिख|写|寫|請写|
    请写|書|써|เขียน|viết|tulis|buat|γράψ|tell|erzähl|raconte|cuénta|conte|conta|racconta|vertel|opowiedz|расскажи|
    розкажи|anlat|احك|ספר|सुनाओ|讲|说个|얘기|เล่า|kể|ceritakan|πες)"""
)
"""Orders a text to be written."""
THIS_LETTER = compile_folded(
    r"""
    (?:this|that|the above|my|her|his) (?:e-?mail|letter|message|note|text|draft)|diese[nrms]? (?:brief|e?-?mail|
    nachricht|text)|cette? (?:lettre|message|e-?mail)|est[ae] (?:carta|correo|mensaje|e-?mail|mensagem)|
    quest[ao] (?:lettera|e-?mail|messaggio)|deze (?:brief|e-?mail|tekst)|dit bericht|(?:ten|tę) (?:list|mail|
    wiadomość)|это (?:письмо|сообщение)|цей лист|це повідомлення|bu (?:mektub|e-posta|mesaj)|هذه الرسالة|המכתב הזה|
    इस (?:पत्र|ईमेल)|这[封条]|この(?:手紙|メール)|이 (?:편지|메일|이메일)"""
)
"""Points at a letter before it."""
PLANS = compile_folded(
    r"""
    \bplan|itinerary|schedule|programm|horario|itinerari|planifi|organi[sz]|zaplanuj|план|खाका|计划|計画|계획|แผน|
    kế hoạch|rencana|πρόγραμμα|خطة|תכנן|תוכנית"""
)
"""Wants a plan."""
JOKE = compile_folded(
    r"""
    \bjokes?\b|\bpun\b|\bwitz\b|witze|blague|chiste|piada|anedota|barzellett|\bgrap\b|\bmop\b|dowcip|żart|kawał\b|\bvtip|skämt|
    vits|\bbanc\b|viccet|vitsi|анекдот|шутк|жарт|fıkra|şaka|truyện cười|lelucon|ανέκδοτο|نكتة|בדיחה|جوک|لطیفه|चुटकुल|笑话|
    笑話|冗談|ジョーク|농담|유머|มุก"""
)
"""Wants a joke."""
RIDDLE = compile_folded(
    r"""
    riddle|rätsel|devinette|énigme|acertijo|adivin|indovinell|raadsel|zagadk|hádank|gåta|gåde|ghicit|találós|arvoit|загадк|
    bilmece|câu đố|teka-teki|γρίφο|αίνιγμα|لغز|חידה|معما|पहेली|谜语|謎語|なぞなぞ|수수께끼|ปริศนา"""
)
"""Wants a riddle."""
WHAT_AM_I = compile_folded(
    r"""
    (?:what|who) am i|(?:was|wer) bin ich|qui suis-je|que suis-je|(?:qué|quién) soy|(?:o que|quem) (?:é que )?(?:eu )?sou|
    (?:chi|cosa) sono|(?:wat|wie) ben ik|(?:czym|kim|co to) jest(?:em)?|(?:vad|vem) är jag|(?:hvad|hvem|hva) er jeg|
    (?:что|кто) я|(?:що|хто) я|ben neyim|tôi là (?:gì|ai)|siapakah aku|apakah aku|τι είμαι|من أنا|ما أنا|מי אני|מה אני|मैं कौन|
    मैं क्या|我是(?:什么|谁)|打一|私は(?:何|誰|だれ|なに)|나는 (?:무엇|누구)"""
)
"""How riddles end."""
HAIKU = compile_folded(r"""haiku|haïku|hajku|хайку|хокку|俳句|하이쿠|هايكو|हाइकु|ไฮกุ|χαϊκού|האיקו""")
"""Wants three lines."""
BECAUSE = compile_folded(
    r"""
    \W*(?:because|since it|due to|weil|da es|denn|parce qu|car\b|porque|perché|poiché|omdat|want\b|ponieważ|dlatego|bo\b|
    protože|eftersom|därför|fordi|deoarece|pentru că|mert|azért|koska|потому|так как|тому що|бо\b|защото|çünkü|vì\b|bởi vì|
    karena|διότι|επειδή|لأن|כי\b|מפני|زیرا|چون|क्योंकि|因为|因為|なぜなら|왜냐하면|เพราะ)"""
)
"""How replies to "why" begin."""
DAY_ONE = compile_folded(
    r"""
    \W*(?:(?:day|week|tag|woche|jour|semaine|día|dia|semana|giorno|settimana|dag|week|dzień|tydzień|день|неделя|
    тиждень|gün|hafta|ngày|hari|ημέρα|اليوم|יום|दिन)\s*(?:1|one|eins|un|uno|um)\b|第[一1][天周]|[一1]日目|1일차|
    첫째 날|วันที่ 1)"""
)
"""How plans begin."""
LISTED = compile_folded(
    r"""
    \s*\W*(?:ingredients|zutaten|ingrédients|ingredientes|ingredienti|ingrediënten|składniki|ingredience|ingredienser|
    ingrediente|hozzávalók|ainekset|malzemeler|ингредиенты|інгредієнти|υλικά|المكونات|רכיבים|مواد لازم|सामग्री|材料|
    재료|ส่วนผสม|nguyên liệu|bahan-?bahan|bahan)\b[^\n:：]{0,20}[:：\n]|\s*(?:[-*•–]\s+\S|\(?1[.):]\s*\S|\*\*1[.)]|①|
    step\s*1\b|schritt\s*1\b|étape\s*1\b|paso\s*1\b|passo\s*1\b|stap\s*1\b|krok\s*1\b|шаг\s*1\b|крок\s*1\b|adım\s*1\b)"""
)
"""How lists, steps and recipes begin."""
FIRST_STEP = compile_folded(
    r"""
    (?:first(?:ly)?|to start|to begin|start by|begin by)\b|erstens|premièrement|en premier lieu|in primo luogo|ten eerste|
    po pierwsze|za prvé|för det första|for det første|во-первых|по-перше|birincisi|thứ nhất|第一[，、,]|첫째|zuerst|zunächst|als erstes|d'abord|tout d'abord|primero|
    en primer lugar|primeiro|em primeiro lugar|per prima cosa|innanzitutto|prima di tutto|eerst|om te beginnen|
    najpierw|nejprve|först|først|mai întâi|először|ensin|önce|ilk olarak|đầu tiên|trước tiên|pertama|сначала|сперва|
    спочатку|спершу|първо|πρωτα|αρχικα|أولا|ראשית|קודם כל|ابتدا|पहले|सबसे पहले|首先|まず|먼저|우선|ก่อนอื่น|ขั้นแรก"""
)
"""How explanations of a procedure begin, too."""
TO_DO = compile_folded(
    r"""
    (?:in order )?to\s+(\w+)|um\s+.{3,60}?\s(?:zu|\w+zu\w+)\b|pour\s+(\w+)|para\s+(\w+)|per\s+(\w+)|
    om\s.{3,60}?\ste\b|aby\s+(\w+)|чтобы\s+(\w+)|щоб\s+(\w+)"""
)
"""How explanations of a procedure begin; a group holds the verb."""
COPULA = compile_folded(
    r"""
    \b(?:is|are|was|were|equals?|=|ist|sind|war|est|sont|était|es|son|era|fue|é|são|foi|è|sono|fu|zijn|was|to|jest|są|
    są|je|jsou|är|er|este|sunt|on|là|adalah|είναι|это|є|це)\b|=|هو|هي|היא|הוא|हैं?|است|是|は|[은는이가]\s|คือ|为"""
)
"""Verbs of statements."""
KINDS_OF_TEXT = compile_folded(
    r"""
    \b(?:poem|haiku|sonnet|limerick|story|tale|essay|letter|email|speech|list|recipe|plan|summary|dialogue|script|
    function|program|query|command|expression|formula|article|review|report|song|guide|table|outline|paragraph|
    explanation|analysis|comparison|description|timeline|budget|itinerary|proof|translation|overview|ideas?|tips|ways|
    reasons|examples|facts|names|titles|tweet|slogan|advertisement|advert|posting|caption|post|ad|announcement|menu|
    quiz|riddle|joke|headlines?|invitation|message|wish|toast|greeting|note|song|haiku|gedicht|aufsatz|brief|liste|
    rezept|plan|zusammenfassung|funktion|vergleich|erklärung|poème|lettre|recette|résumé|comparaison|explication|
    poema|carta|receta|resumen|comparación|explicación|receita|resumo|comparação|explicação|poesia|lettera|ricetta|
    riassunto|confronto|spiegazione|lijst|recept|samenvatting|wiersz|list|przepis|kritik|rezension|rede|artikel|
    bericht|dialog|tabelle|überschrift\w*|skript|programm|rätsel|witz|critique|discours|article|tableau|fonction|
    titres?|blague|devinette|crítica|discurso|artículo|diálogo|tabla|función|titular\w*|chiste|discorso|articolo|
    tabella|funzione|titol[oi]|barzelletta|критика|рецензия|речь|статья|список|таблица|план|функция)\b"""
)
"""Kinds of text that one orders."""
CONSTRAINS = compile_folded(
    r"""
    \b(?:in|under|within|at most|at least|exactly|no more than|up to|using only|without|max\.?)\s+(?:(?:a|the|using|
    any|one|single|about|only)\s+)*(?:[\w-]+\s+){0,2}?(?:sentences?|words?|lines?|characters|paragraphs?|
    bullet points|syllables|stanzas)\b|\b(?:in|unter|maximal|höchstens|genau|mit|ohne)\s+(?:\w+\s+){0,2}(?:sätzen|
    wörtern|zeilen|zeichen|absätzen|worten|strophen)\b|\b(?:en|sans|moins de|maximum)\s+(?:\w+\s+){0,2}(?:phrases?|
    mots|lignes|vers|paragraphes|caractères)\b|\b(?:en|sin|máximo|menos de)\s+(?:\w+\s+){0,2}(?:frases?|palabras|
    líneas|versos|párrafos|caracteres)\b|\b(?:em|sem|até|no máximo)\s+(?:\w+\s+){0,2}(?:frases?|palavras|linhas|
    versos|parágrafos|caracteres)\b|\b(?:in|senza|massimo)\s+(?:\w+\s+){0,2}(?:frasi|parole|righe|versi|paragrafi|
    caratteri)\b|\b(?:in|zonder|maximaal|hoogstens)\s+(?:\w+\s+){0,2}(?:zinnen|woorden|regels|alinea's)\b|\b(?:w|bez|
    maksymalnie)\s+(?:\w+\s+){0,2}(?:zdaniach|słowach|słów|wersach|słowa)\b|\b(?:в|без|не более|
    до)\s+(?:\w+\s+){0,2}(?:предложени\w+|слов\w*|строк\w*|речення\w*|реченнях|рядк\w*)\b|(?:cümle|kelime|dize|
    satır)(?:de|yle|lik|yi geçme)|[一二三四五六七八九十百\d]{1,6}个?(?:句话|字以内|行|字)|
    [一二三四五六七八九十百\d]{1,6}(?:文で|文字以内|行で)|(?:문장으로|단어로|줄로|글자 이내)|(?:trong|
    không quá) (?:\w+ ){0,2}(?:câu|từ|chữ|dòng)\b|(?:dalam|tanpa|maksimal) (?:\w+ ){0,2}(?:kalimat|kata|baris)\b|
    σε (?:\w+ ){0,2}(?:προτάσεις|λέξεις|γραμμές|στίχους)|(?:في|دون) (?:\w+ ){0,2}(?:جمل|كلمات|كلمة|أسطر)|ב(?:שלושה|
    שני|שתי|ארבע\w*|חמישה|חמש) (?:משפטים|שורות|מילים)|\d{1,4} (?:वाक्यों|शब्दों) में|वाक्यों में|शब्दों में|,\s*(?:
    one|two|three|
    four|five|six|eight|ten|\d{1,3})\s+(?:bullet points|sentences|words|lines|minutes|pages)(?=\s*[,.;:!]|\s*$|
    \s+(?:at most|max|each|long))"""
)
"""Limits of length, which only an order sets."""
FINITE = compile_folded(
    r"""
    \b(?:is|are|was|were|has|have|had|can|will|does|did|ist|sind|hat|haben|kann|est|sont|ont|é|são|è|sono|heeft|
    hebben|jest|są)\b|['’]s\b"""
)
"""The commonest finite verbs."""

INDEFINITE = frozenset(
    """a an one two three four five six seven eight nine ten top some ein eine zwei drei vier fünf un une deux trois
    quatre cinq
    uno una dos tres cuatro cinco um uma dois duas três due tre quattro cinque een twee drie vijf jeden
    jedna dwa trzy""".split()  # noqa: SIM905
)
"""Words that open a noun phrase which orders something."""
