"""Kinds of task in which a suspicious phrase belongs to the product, by their words in some twenty languages, as data.

An apology may be sorry, a dialogue with a chatbot may offer help, a riddle may end in a question. Patterns are stems,
matched in folded text (`texts.fold`); they only ever keep a row, so they are wide. Each is written over several lines
that are joined as they are (`texts.compile_folded`).
"""

from __future__ import annotations

from functools import cache

from evol.elimination.texts import compile_folded

ABOUT_ASSISTANTS = r"""
    \bai\b|\bais\b|\ba\.i\.|artificial intelligence|language models?\b|\bllms?\b|chat ?bot|\bbot\b|chatgpt|\bgpt|
    \bassistants?\b|\brobots?\b|\bsiri\b|\balexa\b|who are you|what are you\b|are you (?:human|real|conscious|
    sentient|alive|able|a )|do you (?:feel|have (?:feelings|opinions|emotions)|dream)|your (?:training|creators?|
    feelings)|customer|call cent|support agent|receptionist|shopkeeper|waiter|concierge|hotline|help ?desk|\bki\b|
    \bki-|künstliche\w* intelligenz|sprachmodell|assistent|kundendienst|kundenservice|kunde|verkäufer|wer bist du|
    bist du ein|\bia\b|intelligence artificielle|service client|vendeur|modèles? de langage|
    intelig[eê]ncia artificial|asistente|atendimento|atención al cliente|cliente|modelos? de lengua|modelos? de lingu|
    intelligenza artificiale|modell\w+ linguistic|kunstmatige|taalmodel|klant|sztuczn\w+ inteligenc|model\w* językow|
    asystent|klient|uměl\w+ inteligenc|zákazník|\bии\b|искусственн\w+ интеллект|нейросет|ассистент|языков\w+ модел|
    клиент|кто ты|чат-?бот|\bші\b|штучн\w+ інтелект|асистент|мовн\w+ модел|клієнт|yapay zek|asistan|müşteri|dil model|
    trí tuệ nhân tạo|trợ lý|khách hàng|mô hình ngôn ngữ|kecerdasan buatan|asisten|pelanggan|model bahasa|τεχνητή νοημ|
    βοηθός|πελάτ|γλωσσικ\w+ μοντέλ|ذكاء اصطناعي|الذكاء الاصطناعي|مساعد|عميل|زبون|نموذج لغ|نماذج اللغ|בינה מלאכותית|
    מודל שפה|מודלי שפה|לקוח|עוזר|هوش مصنوعی|دستیار|مشتری|مدل زبان|कृत्रिम बुद्धि|एआई|ग्राहक|सहायक|भाषा मॉडल|人工智能|
    人工智慧|(?<![a-z])ai(?![a-z])|语言模型|機器人|机器人|客服|助手|店员|人工知能|チャットボット|ロボット|接客|店員|
    言語モデル|smart speaker|voice assistant|home assistant|lautsprecher|enceinte connectée|altavoz inteligente|
    alto-falante|умн\w+ колонк|alexa|\bsiri\b|akıllı hoparlör|loa thông minh|智能音箱|スマートスピーカー|스마트 스피커|アシスタント|인공지능|챗봇|로봇|고객|비서|언어 모델|점원|ปัญญาประดิษฐ์|แชทบอท|ลูกค้า|ผู้ช่วย"""
"""About assistants, machines or service."""

APOLOGIES = r"""
    sorry|apolog|\bexcus(?:e|ing|es) |condolen|sympath|bereave|forgive|entschuldig|verzeih|beileid|kondol|
    tut mir leid|disculp|pésame|condolenc|perdón|lo siento|désol|excus|pardon|desculp|perdão|sinto muito|\bscus|
    mi dispiace|perdon|condoglian|verontschuldig|spijt|excuus|przepr[ao]s|kondolen|przykro|wybacz|omluv|promiň|ursäkt|
    förlåt|undskyld|beklag|scuze|bocsán|sajnál|anteeksi|pahoittel|извин|соболезн|прости|прощени|жаль|вибач|співчут|
    пробач|özür|taziye|üzgün|affet|xin lỗi|chia buồn|\bmaaf|duka ?cita|συγγν|λυπ|συλλυπ|συγχώρ|اعتذ|آسف|تعزية|עליצ|
    התנצל|סליחה|תנחומים|מצטער|معذرت|تسلیت|متاسف|ببخش|माफ़|माफी|क्षमा|खेद|शोक|संवेदना|道歉|抱歉|对不起|對不起|吊唁|慰问|
    不好意思|謝|お詫び|ごめん|すみません|お悔やみ|申し訳|사과|죄송|미안|조의|애도|유감|ขอโทษ|ขออภัย|เสียใจ"""
"""About saying sorry."""

SAYING_NO = r"""
    refus|declin|reject|turn(?:ing)? (?:\w+ )?down|say(?:ing)? no\b|can't|cannot|unable|regret|resign|cancel|complain|
    bad news|break(?:ing)?[- ]?up|postpone|call(?:ing)? off|absag|ablehn|verweiger|kündig|beschwer|rechaz|negar|
    declinar|cancel|annul|recus|rifiut|disdi|weiger|afwijz|afzeg|odm[aó]w|odrzuc|odwoł|odmít|avböj|tacka nej|afslå|
    afvis|avslå|отказ|отклон|увольн|отмен|відмов|відхил|скасув|redd|red et|iptal|từ chối|menolak|penolakan|tolak|αρν|
    απορρ|رفض|סירוב|לסרב|סרב|לדחות|رد کردن|मना |अस्वीकार|इनकार|拒|婉|推辞|谢绝|断り|断る|辞退|キャンセル|거절|거부|
    취소|ปฏิเสธ"""
"""About refusing, cancelling or declining."""

HANDED_ON = r"""
    translat|\b(?:phrases?|say in|how do you say|proverbs?|idioms?|
    quot\w+|subtitles?|paraphrase|rewrite|rephrase|dialogues?|dialog|conversations?|role-?play\w*|screenplay|scene|
    skit|act as|pretend|fiction)\b|übersetz|redewendung|sprichwort|gespräch|rollenspiel|
    szene|antworte auf|tradui|traduc|tradu[zç]|proverb|refrán|diálogo|escena|scène|vertaal|spreekwoord|gesprek|
    rollenspel|przetłum|tłumacz|przysłow|scenk|dialog|přelož|överset|översätt|oversæt|oversett|перевед|перевод|фраз|
    пословиц|диалог|сцен|переклад|прислів|діалог|çevir|atasöz|diyalog|dịch\b|tục ngữ|hội thoại|terjemah|peribahasa|
    μετάφρα|φράση|παροιμ|διάλογο|ترجم|عبارة|حوار|תרגם|תרגמו|פתגם|דיאלוג|ترجمه|گفتگو|अनुवाद|कहावत|संवाद|翻译|翻譯|谚语|
    对话|對話|翻訳|訳して|ことわざ|台詞|会話|번역|속담|대화|แปล|สุภาษิต|บทสนทนา"""
"""Whose product hands on somebody's words: translations, phrases, dialogues, roles."""

REPLYING = r"""
    \breply|\breplies|\brespond to|\bresponds to|antworte auf|réponds à|répondez à|responde al?\b|rispondi al?\b|
    reageer op|odpowiedz na|ответь на|відповідай|yanıtla|رد على|ענה ל|उत्तर दो|
    回复|回信|返信|返事|답장|ตอบกลับ|trả lời thư|balas"""
"""Whose product answers somebody else."""

VOICED = r"""
    \bsms\b|whatsapp|postcard|postkarte|voicemail|\b(?:stor(?:y|ies)|poems?|songs?|lyrics|letters?|e-?mails?|messages?|text to|note to|text message|speech|
    monologue|diary|character|play the|novel)\b|geschichte|gedicht|brief\b|e-?mail|nachricht|histoire|poème|lettre|
    courriel|message|historia|poema|\bcarta|correo|mensaje|mensagem|lettera|messaggio|racconto|poesia|verhaal|
    opowiadanie|wiersz|napisz (?:\w+ )?list\b|wiadomość|dopis|\bbrev|рассказ|стих|письм|сообщени|оповідан|вірш|
    листа?\b|повідомл|hikaye|mektup|mesaj|e-posta|truyện|\bthư\b|tin nhắn|surat|pesan|cerita|ιστορία|γράμμα|επιστολή|
    μήνυμα|قصة|رسالة|סיפור|מכתב|הודעה|داستان|نامه|پیام|कहानी|पत्र|संदेश|故事|信|邮件|郵件|消息|物語|手紙|メール|
    メッセージ|이야기|편지|메일|메시지|นิทาน|จดหมาย|อีเมล|ข้อความ"""
"""Whose product speaks in somebody's voice: letters, stories, songs."""

WANTS_QUESTIONS = r"""
    \bquestions?\b|\bask(?:s|ing)?\b|interview|quiz|riddle|survey|socratic|questionnaire|\bguess|trivia|tutor|
    coach me|quizz|joke|icebreaker|prompts?\b|headline|slogan|tagline|caption|\bpoll\b|fragen?\b|\bfrag\b|fragst|
    rätsel|umfrage|witz|pose[zr]?\b|devinette|sondage|blague|interroge|pregunta|acertijo|encuesta|chiste|adivinanza|
    pergunt|adivinha|piada|enquete|domand[ae]|indovinell|barzellett|sondaggi|vragen|vraag|raadsel|grap\b|enquête|
    pyta\w+|zagadk|ankiet|dowcip|żart|otázk|hádank|fråg|gåta|spørg|spør\w*|gåde|întreb|ghicit|kérd|találós|kysy|
    arvoit|вопрос|спроси|спрашива|загадк|опрос|анекдот|шутк|питанн|запита|опитуван|жарт|soru|sor\b|bilmece|anket|
    fıkra|şaka|hỏi|câu đố|khảo sát|tanya|pertanyaan|teka-teki|survei|lelucon|ερώτη|ρώτα|γρίφο|αίνιγμα|ανέκδοτο|سؤال|
    أسئلة|اسأل|لغز|استبيان|نكتة|שאל|שאלה|שאלות|חידה|סקר|בדיחה|پرسش|سوال|سؤال|بپرس|معما|نظرسنجی|प्रश्न|सवाल|पूछ|पहेली|चुटकुल|
    提问|问题|問題|谜语|謎語|质询|反问|问我|問我|问卷|笑话|猜|質問|クイズ|なぞなぞ|尋ね|問い|聞いて|アンケート|질문|
    물어|퀴즈|인터뷰|수수께끼|설문|คำถาม|ถาม|ปริศนา|แบบสอบถาม|มุก"""
"""That wants questions, or a text that is one: interviews, quizzes, riddles, jokes, slogans."""

TRANSLATES = compile_folded(
    r"""
    translat|übersetz|tradu|vertaal|przetłum|tłumacz|přelož|översätt|oversæt|oversett|перев[еo]|переклад|çevir|ترجم|
    תרג|अनुवाद|翻译|翻譯|翻訳|번역|แปล|dịch|terjemah|μετάφρα|fordít|käännä"""
)
"""An order to translate."""

_compile = cache(compile_folded)  # when first wanted: most runs never see some of them


def is_about(kind: str, folded: str) -> bool:
    """Whether a task, given folded, holds a word of one of the kinds above."""
    return bool(_compile(kind).search(folded))
