"""What a model writes around an instruction: labels, preambles and notes, in some twenty-five languages. Pure.

Each test is narrow: a label is made of words like "new" and words like "instruction" and nothing else; a preamble
presents ("here is …") a rewritten instruction; a note tells in the past tense what was changed.
"""

from __future__ import annotations

from evol.elimination.texts import compile_folded, find_words, fold, level

_NEW = tuple(
    fold(
        """rewrit creat new evolv revis harder updat modif improv enhanc refin transform complicat complex challeng
        final adapt neu überarbeit umgeschrieb umformuliert schwierig schwer erweitert geändert verbessert nouvel
        réécrit reformul révis amélior nuev reescrit mejorad nova novo aprimorad nuov riscritt rivist modificat
        migliorat riformulat nieuw herschrev herzien aangepast nowe nowa nowy przepisan zmodyfikowan poprawion nová nový
        nové přepsan upraven nya nytt omskriv revider nou nouă rescris új átír uusi muokattu yeni düzenlen geliştiril
        mới baru direvisi ditulis новы новая новое переписан измен улучшен обновл нова новий нове змінен покращен
        преработ νεα νεο αναθεωρ ξαναγραμμ جديد الجديد المعاد المعدل חדש החדש משוכתב המשוכתב جدید بازنویسی नया नई
        पुनर्लिखित संशोधित"""
    ).split()
)
_NOUN = tuple(
    fold(
        """prompt instruction task question version request query problem exercise anweisung aufgabe frage aufforderung
        fassung instruktion consigne tâche invite requête énoncé instrucci tarea pregunta consigna enunciado versión
        instrução tarefa pergunta comando versão istruzion compito domanda richiesta instructie opdracht taak vraag
        versie instrukcj polecen zadan pytan wersj instrukc úkol otázk zadání verz uppgift fråg opgave oppgave spørgsmål
        spørsmål instrucțiun cerinț întrebar utasítás feladat kérdés ohje tehtävä kysymys talimat istem komut görev soru
        yönerge instruksi perintah tugas pertanyaan инструкц промпт задан вопрос запрос верси інструкц завдан питан
        запит версі задач οδηγι εντολη ερωτη εργασι تعليم سؤال السؤال التعليم مهمة المهمة طلب הוראה ההוראה הנחיה ההנחיה
        משימה המשימה שאלה השאלה دستور پرسش निर्देश प्रश्न कार्य"""
    ).split()
)
_SMALL = frozenset(
    fold(
        """the a an more and die der das eine neue la le l' el los las il lo de het een do da du of your my slightly
        somewhat much den det la o os yang lại câu lệnh yêu cầu hướng dẫn hỏi viết ال"""
    ).split()
)
_ALONE = frozenset(
    fold(
        """instruction prompt rewritten rewrite evolved anweisung instrucción instrução istruzione instructie polecenie
        instrukcja инструкция промпт інструкція talimat instruksi οδηγία التعليمات ההוראה निर्देश 指令 指示 지시 คำสั่ง
        output result"""
    ).split()
)
_UNSPACED_LABEL = compile_folded(
    r"""
    (?:改写|重写|改寫|重寫|修改|更新|进化|优化|新|最终)[后後]?的?(?:指令|提示词?|任务|任務|问题|問題|题目|版本|说明)|
    (?:新しい|書き直(?:した|された)|書き換え(?:た|られた)|改訂(?:した|された)|修正(?:後の|した|された)|改善された|
    更新された)(?:指示文?|プロンプト|質問|課題|タスク|命令|バージョン)|(?:새로운|새|수정된|다시 작성된|재작성된|
    개선된|변경된) ?(?:지시문?|프롬프트|질문|과제|명령|버전|지침)|(?:คำสั่ง|คำถาม|โจทย์|งาน)(?:ใหม่|ที่เขียนใหม่|
    ที่ปรับปรุง(?:แล้ว)?)"""
)
_ACKNOWLEDGED = r"""
    sure|certainly|of course|absolutely|okay|ok|great|got it|understood|alright|no problem|klar|natürlich|gerne?|
    selbstverständlich|bien sûr|certainement|avec plaisir|d'accord|claro|por supuesto|con gusto|com certeza|certo|
    certamente|volentieri|natuurlijk|zeker|prima|jasne|oczywiście|pewnie|samozřejmě|självklart|selvfølgelig|desigur|
    természetesen|tietysti|elbette|tabii ki|tabii|tất nhiên|chắc chắn rồi|chắc chắn|tentu saja|tentu|конечно|хорошо|
    разумеется|звичайно|звісно|добре|разбира се|βεβαίως|φυσικά|بالتأكيد|بالطبع|حسنا|כמובן|בטח|בשמחה|البته|حتما|ज़रूर|
    बिल्कुल|बेशक|好的|当然|當然|没问题|もちろんです|もちろん|はい|承知しました|わかりました|물론입니다|물론이죠|물론|네|
    알겠습니다|ได้เลยค่ะ|ได้เลยครับ|ได้เลย|แน่นอน"""
_HERE = r"""
    here(?:'s| is| are| you go)?|below is|this is|hier ist|hier sind|hier die|hier eine?|nachfolgend|im folgenden|
    voici|voilà|ci-dessous|aquí (?:está|tienes|va)|a continuación|aqui (?:está|vai)|segue|ecco|di seguito|hier is|
    hieronder|oto|poniżej|zde je|tady je|här är|her er|iată|íme|itt van|tässä on|вот|ниже|ось|нижче|ето|işte|aşağıda|
    đây là|dưới đây|berikut|ini adalah|inilah|ορίστε|εδώ είναι|παρακάτω|إليك|فيما يلي|הנה|להלן|در زیر|این|यह रहा|
    यह रही|यहाँ|यहां|नीचे|这是|这里是|以下是|下面是|這是|これは|以下は|以下が|こちらが|こちらは|다음은|여기|นี่คือ|ต่อไปนี้คือ"""
_REWROTE = r"(?:rewr|made|modif|revis|evolv|creat|chang|updat)\w*"
_PRESENTS = compile_folded(
    rf"¡?(?:(?:{_ACKNOWLEDGED})[ ,.!，。！、—-]+)?(?:(?:{_HERE})|i(?:'ve| have)? {_REWROTE})[^\n:：]{{0,140}}[:：]\s*"
    r"(?:-{3,}\s*\n\s*)?"
)
_UNSPACED_TOPIC = compile_folded(
    r"""
    指令|提示|改写|重写|改寫|版本|任务|题目|指示|プロンプト|書き直|書き換|改訂|バージョン|課題|質問|지시|프롬프트|
    수정|다시 작성|버전|질문|과제|คำสั่ง|ใหม่|ปรับ|โจทย์|câu lệnh|hướng dẫn|yêu cầu|phiên bản"""
)
_INTERJECTS = compile_folded(
    rf"¡?(?:{_ACKNOWLEDGED})(?!\w)(?:[^\n!.:！。：]{{0,60}}[!.:！。：]\s*\n+|\s*[!！:：]\s+|\.\s+(?=\S+ \S+ ))"
)
_LABELS_OF_NOTES = r"""
    note|notes|explanation|rationale|reasoning|justification|comment|remark|hinweis|anmerkung|erklärung|erläuterung|
    remarque|explication|nota|explicación|observação|explicação|spiegazione|opmerking|toelichting|uwaga|wyjaśnienie|
    poznámka|vysvětlení|anmärkning|förklaring|obs|bemærk|forklaring|merknad|notă|explicație|megjegyzés|huom|huomautus|
    not|açıklama|lưu ý|ghi chú|giải thích|catatan|penjelasan|примечание|пояснение|объяснение|примітка|пояснення|
    забележка|σημείωση|επεξήγηση|ملاحظة|شرح|הערה|הסבר|توجه|یادداشت|توضیح|टिप्पणी|नोट|注|注意|说明|說明|备注|備註|注記|
    補足|備考|説明|참고|설명|주|หมายเหตุ|คำอธิบาย"""
_LABELS_OF_CHANGES = r"""
    changes(?: made)?|what (?:i )?changed|what was changed|modifications?(?: made)?|added (?:constraints?|
    requirements?)|änderungen|vorgenommene änderungen|modifications(?: apportées)?|cambios(?: realizados)?|
    alterações(?: feitas)?|mudanças|modifiche(?: apportate)?|wijzigingen|(?:wprowadzone )?zmiany|změny|ändringar|
    ændringer|endringer|modificări|változtatások|muutokset|değişiklikler|yapılan değişiklikler|thay đổi|perubahan|
    изменения|внесённые изменения|зміни|промени|αλλαγές|التغييرات|שינויים|تغییرات|परिवर्तन|修改说明|修改内容|改动|变更|
    変更点|변경 사항|변경사항|การเปลี่ยนแปลง"""
_CHANGED = r"""
    \b(?:added|adds|changed|rewr[io]t\w*|increased|increases|made|makes|introduced|introduces|modified|incorporat\w+|
    included|expanded|deepened|original|complexity)\b|hinzugefügt|ergänzt|geändert|umformuliert|erweitert|erschwert|
    hinzugekommen|ursprüngliche|ajouté|modifié|reformulé|complexifi|añadid|agregad|añad[ií]|agregu|modifiqu|modificad|
    cambi[éoó]|adicion|acrescent|alterei|alterad|aggiunt|modificat|riformulat|toegevoegd|gewijzigd|aangepast|
    herschreven|doda[łn]|zmieni|przepis|přidal|přidán|upravil|lagt till|lade till|ändrat|tilføj|tilføy|ændret|endret|
    lagt til|adăugat|hozzáad|módosít|lisäsin|lisätty|muutin|eklendi|ekledim|değiştir|đã thêm|được thêm|thay đổi|
    menambah|ditambah|mengubah|добав|изменил|изменен|усложн|переписал|додав|додал|додано|змінив|змінен|ускладн|
    πρόσθεσα|προστέθηκ|άλλαξα|أضفت|إضافة|عدلت|غيرت|הוספתי|שיניתי|נוספ|اضافه|تغییر|जोड़|बदला|添加|增加|新增|修改|改写|
    加入了|追加|変更|書き換|추가|변경|수정|เพิ่ม|แก้ไข|เปลี่ยน"""
_OF_INSTRUCTION = r"""
    constraint|requirement|prompt|instruction|complex|difficult|original|version|\bdepth|specific|challeng|harder|
    reasoning|anforderung|bedingung|einschränkung|anweisung|aufgabe|contrainte|exigence|consigne|instruction|
    restricci|condici|requisito|instrucci|restriç|exigência|condição|instruç|vincol|istruzion|beperking|eis |
    instructie|voorwaarde|ogranicz|wymaga|warun|polecen|omezen|podmínk|požadav|villkor|krav|begrænsning|begrensning|
    condiți|cerinț|feltétel|követelmény|ehdo|vaatimu|kısıt|koşul|talimat|ràng buộc|yêu cầu|điều kiện|batasan|syarat|
    instruksi|услови|ограничен|требован|инструкц|промпт|задани|умов|обмежен|вимог|інструкц|завдан|περιορισμ|απαιτησ|
    οδηγι|قيد|شرط|متطلب|التعليم|תנאי|מגבל|דריש|הנחי|محدودیت|دستور|शर्त|निर्देश|प्रश्न|约束|限制|要求|条件|指令|难度|制約|
    条件|要件|指示|難|제약|조건|요구|지시|난이도|เงื่อนไข|ข้อจำกัด|คำสั่ง"""
_FIRST_PERSON = r"""
    i(?:'ve| have)? (?:also )?\w+ed\b|i(?:'ve| have)? (?:also )?(?:rewr|made|kept)|ich habe|hier habe ich|j'ai|he \w|
    hemos |añadí|agregué|adicionei|acrescentei|eu |ho |abbiamo |ik heb|doda|zmieni|přidal|jag har|jeg har|am ad|
    hozzáad|lisäsin|\w+ (?:\w+ )?ekledim|tôi đã|saya (?:telah |sudah )?men|я |мною |додав|додала|додано|добавил|
    добавлен|πρόσθεσα|أضفت|لقد أضفت|הוספתי|من |मैंने|我(?:已|在|把|将|增|添|加)|追加|ฉันได้|ผมได้"""
_ABOUT_IT = r"""
    (?:this|the) (?:rewritten|evolved|revised|modified|updated|harder|improved) (?:prompt|instruction)\b|(?:this|
    the)(?: (?:new|rewritten|revised|modified|updated|evolved|harder|improved))? (?:version|rewrite|revision|prompt|
    instruction|task|question) (?:now |also )?(?:adds|introduces|increases|is now|is more|has been|was|makes (?:the|
    it)|challenges|builds on|keeps)\b|the (?:added|additional|new) (?:constraint|requirement)s? (?:is|are|was|were|
    makes?|adds?|ensures?|forces?|requires?|increases?)|by (?:adding|requiring) this"""
_CLOSES = r"""
    let me know if (?:you(?:'d| would)? (?:like|need|want)|this works|there(?:'s| is)|any)|(?:i )?hope (?:this|that|
    it) (?:helps|works|meets)|would you like (?:me to|another|any)|is there anything else|lass mich wissen, (?:ob|
    wenn|falls)|ich hoffe, das|n'hésite[zs]? pas à me|j'espère que cela|espero que (?:esto|isso|te|le)|avísame si|
    me avise se|spero che (?:questo|ti)|fammi sapere se|laat (?:me|het me) weten|mam nadzieję, że|daj znać|
    надеюсь, это|дайте знать|сподіваюся, це|umarım|希望这|希望對|如果(?:您|你)(?:需要|想)|いかがでしょうか|필요하시면|
    도움이 되"""
_LABELLED_NOTE = compile_folded(rf"(?:{_LABELS_OF_NOTES})[*_\s]*[:：]")
_CHANGE_LIST = compile_folded(rf"(?:{_LABELS_OF_CHANGES})[*_\s]*[:：]")
_TELLS_CHANGE = compile_folded(_CHANGED)
_TELLS_OF_IT = compile_folded(_OF_INSTRUCTION)
_SPEAKS = compile_folded(rf"(?:{_FIRST_PERSON})")
_SPEAKS_OF_IT = compile_folded(rf"(?:{_ABOUT_IT}|{_CLOSES})")


def is_label(head: str, *, has_colon: bool, is_marked: bool) -> bool:
    """Whether the words before a colon, a line end or a closing mark name the rewritten instruction and nothing else.

    Args:
        head: those words.
        has_colon: a colon follows.
        is_marked: emphasis, a bracket or a heading sign stands before them.
    """
    folded = fold(head.strip())
    if match := _UNSPACED_LABEL.match(folded):
        return match.end() == len(folded)
    words = find_words(folded)
    if not 0 < len(words) <= 6:
        return False
    if len(words) == 1 and words[0] in _ALONE:
        return has_colon
    if not (has_colon or is_marked):
        # a first line of its own: only the plainest form, "Rewritten Prompt"
        return len(words) == 2 and words[0].startswith(_NEW[:3]) and words[1] in ("prompt", "instruction")
    kinds = [word.startswith(_NEW) + 2 * word.startswith(_NOUN) or 4 * (word in _SMALL) for word in words]
    is_new = any(kind & 1 for kind in kinds) or folded in ("viết lại", "câu lệnh mới")
    return (
        all(kinds)
        and is_new
        and any(kind & 2 or word in ("cầu", "lệnh", "dẫn", "hỏi") for kind, word in zip(kinds, words, strict=True))
    )


def skip_preamble(start: str) -> int:
    """How many characters at the beginning of a reply present the instruction instead of being part of it.

    Args:
        start: the first few hundred characters.
    """
    folded = level(start)
    if match := _PRESENTS.match(folded):
        words = find_words(match[0])
        topics = [word for word in words if word.startswith(_NOUN) or (word.startswith(_NEW) and len(word) > 3)]
        if (topics and not _is_about_data(words)) or _UNSPACED_TOPIC.search(match[0]):
            return match.end()
    if match := _INTERJECTS.match(folded):
        return match.end()
    return 0


def _is_about_data(words: list[str]) -> bool:
    """Whether "here is …" introduces something to work on: "Here is the problem set as JSON: …"."""
    return any(
        word
        in (
            "json",
            "data",
            "table",
            "csv",
            "xml",
            "code",
            "text",
            "list",
            "log",
            "daten",
            "données",
            "datos",
            "dados",
            "dati",
        )
        for word in words
    )


def is_note(line: str, *, own_paragraph: bool) -> bool:
    """Whether a line begins to tell what was changed, or closes the chat.

    Args:
        line: one line.
        own_paragraph: a blank line or a rule stands before it; only a label can begin a note elsewhere.
    """
    folded = fold(line.strip(" \t([*_-—>")[:400])
    if _CHANGE_LIST.match(folded):
        return True
    if _LABELLED_NOTE.match(folded):
        return bool(_TELLS_CHANGE.search(folded))
    if not own_paragraph or ("?" in folded and not _SPEAKS_OF_IT.match(folded)):
        return False
    if _SPEAKS_OF_IT.match(folded):
        return True
    return bool(_SPEAKS.match(folded) and _TELLS_CHANGE.search(folded) and _TELLS_OF_IT.search(folded))
