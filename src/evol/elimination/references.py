"""Words that point at an input "below", "above" or "attached", by language, as data in the form of `phrases.py`.

What they point at is a table, code or text that must then be there; `materials.py` looks whether it is.
"""

from __future__ import annotations

from evol.elimination.phrases import Phrases

REFERENCES: Phrases = {
    "en": r"""
        (?:following|attached|enclosed|accompanying) (?:[\w-]+ ){0,3}(?:tables?|code|snippets?|functions?|scripts?|
        programs?|quer(?:y|ies)|texts?|passages?|paragraphs?|articles?|excerpts?|essays?|poems?|stor(?:y|ies)|
        letters?|e-?mails?|messages?|sentences?|dialogues?|conversations?|transcripts?|lists?|data|datasets?|numbers|
        values|figures?|json|xml|csv|html|yaml|files?|documents?|reports?|reviews?|logs?|images?|pictures?|photos?|
        photographs?|diagrams?|charts?|graphs?|maps?|screenshots?|attachments?|equations?|expressions?|spreadsheets?|
        schemas?|schedules?|recipes?|statements|options|words|information|inputs?|matri(?:x|ces)|arrays?|quotes?|
        quotations?|examples?|problems?|questions|scenarios?|steps|terms|items|names|lines?|stanzas?|verses?|
        drawings?|posts?|tweets?|comments?|config\w*|output)\b|(?:the|this|these) (?:above|
        below)(?:-mentioned)? (?:[\w-]+ ){0,2}(?:tables?|code|snippets?|functions?|scripts?|programs?|quer(?:y|ies)|
        texts?|passages?|paragraphs?|articles?|excerpts?|essays?|poems?|stor(?:y|ies)|letters?|e-?mails?|messages?|
        sentences?|dialogues?|conversations?|transcripts?|lists?|data|datasets?|numbers|values|figures?|json|xml|csv|
        html|yaml|files?|documents?|reports?|reviews?|logs?|images?|pictures?|photos?|photographs?|diagrams?|charts?|
        graphs?|maps?|screenshots?|attachments?|equations?|expressions?|spreadsheets?|schemas?|schedules?|recipes?|
        statements|options|words|information|inputs?|matri(?:x|ces)|arrays?|quotes?|quotations?|examples?|problems?|
        questions|scenarios?|steps|terms|items|names|lines?|stanzas?|verses?|drawings?|posts?|tweets?|comments?|
        config\w*|output)\b|(?:tables?|code|snippets?|functions?|scripts?|programs?|quer(?:y|ies)|texts?|passages?|
        paragraphs?|articles?|excerpts?|essays?|poems?|stor(?:y|ies)|letters?|e-?mails?|messages?|sentences?|
        dialogues?|conversations?|transcripts?|lists?|data|datasets?|numbers|values|figures?|json|xml|csv|html|yaml|
        files?|documents?|reports?|reviews?|logs?|images?|pictures?|photos?|photographs?|diagrams?|charts?|graphs?|
        maps?|screenshots?|attachments?|equations?|expressions?|spreadsheets?|schemas?|schedules?|recipes?|statements|
        options|words|information|inputs?|matri(?:x|ces)|arrays?|quotes?|quotations?|examples?|problems?|questions|
        scenarios?|steps|terms|items|names|lines?|stanzas?|verses?|drawings?|posts?|tweets?|comments?|config\w*|
        output)(?: (?:that is |which is |is |are )?(?:provided|given|shown|listed|presented|attached|included|pasted|
        displayed|reproduced))?(?: here)? (?:below|above)(?!\s+(?:the|a|an|this|that|its?|their|your|my|each|every|
        zero|average|sea|ground|freezing|which|\d)\b)|(?:the|this) (?:provided|given|supplied|
        attached) (?:[\w-]+ )?(?:tables?|code|snippets?|texts?|passages?|paragraphs?|articles?|excerpts?|essays?|
        poems?|stor(?:y|ies)|letters?|e-?mails?|dialogues?|transcripts?|datasets?|data|csv|json|xml|html|files?|
        documents?|reports?|images?|pictures?|photos?|diagrams?|charts?|graphs?|maps?|screenshots?|schemas?|
        spreadsheets?|reviews?|logs?|options)\b|(?:tables?|code|snippets?|texts?|passages?|paragraphs?|articles?|
        excerpts?|essays?|poems?|stor(?:y|ies)|letters?|e-?mails?|dialogues?|transcripts?|datasets?|data|csv|json|xml|
        html|files?|documents?|reports?|images?|pictures?|photos?|diagrams?|charts?|graphs?|maps?|screenshots?|
        schemas?|spreadsheets?|reviews?|logs?|options) (?:provided|attached)\b|see (?:below|above|attached)\b|(?:as |
        are |is )?(?:shown|listed|given|described) (?:below|above)\b(?!\s+\w*\d)|attachment\b|(?:according to|
        based on|as shown in|refer(?:ring)? to|look(?:ing)? at|read) the (?:passage|excerpt|table|chart|graph|diagram|
        figure|image|picture|photo|screenshot|article|paragraph)\b|(?:explain|fix|debug|summari[sz]e|translate|
        correct|analy[sz]e|sort|optimi[sz]e|rewrite|proofread|read|solve|convert|describe|refactor|improve|review|
        interpret|paraphrase|edit|complete|classify|check|what does|what is wrong with|what's wrong with|what is|
        why does) (?:\w+ ){0,2}(?:this|these) (?:[\w-]+ ){0,2}(?:code|snippet|function|script|table|passage|paragraph|
        article|excerpt|essay|poem|e-?mail|letter|sentences?|image|picture|photo|screenshot|diagram|chart|graph|text|
        dataset|json|query|list|numbers)\b""",
    "de": r"""
        (?:folgende[nrsm]?|obige[nrsm]?|obenstehende[nrsm]?|untenstehende[nrsm]?|nachstehende[nrsm]?|
        nachfolgende[nrsm]?|vorstehende[nrsm]?|angehängte[nrsm]?|beigefügte[nrsm]?|vorliegende[nrsm]?|
        bereitgestellte[nrsm]?|angegebene[nrsm]?) (?:[\w-]+ ){0,2}\w*(?:tabelle|code|text|texte|textes|absatz|
        abschnitt|artikel|auszug|gedicht|geschichte|brief|e-mail|nachricht|satz|sätze|dialog|liste|daten|datensatz|
        zahlen|json|xml|csv|datei|dokument|bericht|bild|foto|grafik|diagramm|abbildung|karte|skript|programm|funktion|
        abfrage|aussagen|wörter|werte|gleichung|zitat|beispiel|rezension)\w*|\w*(?:tabelle|code|text|absatz|abschnitt|
        artikel|gedicht|liste|daten|zahlen|datei|bild|grafik|diagramm|abbildung|skript|satz|
        brief) (?:weiter )?(?:unten|oben|hier unten)\b|im anhang\b|siehe (?:unten|oben|anhang)|(?:unten|
        oben) (?:stehende|gezeigte|aufgeführte|angegebene|abgebildete)\w*""",
    "fr": r"""
        \w*(?:tableau|code|texte|passage|paragraphe|article|extrait|poème|histoire|lettre|e-?mail|courriel|message|
        phrases?|dialogue|liste|données|nombres|chiffres|json|xml|csv|fichier|document|rapport|image|photo|figure|
        diagramme|graphique|schéma|carte|script|programme|fonction|requête|valeurs|équation|citation|exemple|mots|
        informations)(?: \w+){0,2} (?:ci-dessous|ci-dessus|ci-joints?|ci-jointes?|suivante?s?|fournie?s?|joints?|
        ci-après)\b|en pièce jointe|voir ci-(?:dessous|dessus)|ci-joint""",
    "es": r"""
        (?:siguientes?|anterior) (?:\w+ ){0,1}(?:tabla|código|texto|pasaje|párrafo|artículo|fragmento|poema|historia|
        carta|correo|mensaje|frases?|diálogo|lista|datos|números|json|xml|csv|archivo|documento|informe|imagen|foto|
        figura|diagrama|gráfico|gráfica|mapa|script|programa|función|consulta|valores|ecuación|cita|ejemplo|palabras|
        oraci\w+|reseña)\w*|(?:tabla|código|texto|pasaje|párrafo|artículo|fragmento|poema|lista|datos|números|archivo|
        documento|imagen|figura|gráfico|frases?|oración|correo|carta)(?: \w+){0,3} (?:a continuación|de abajo|
        de arriba|más abajo|más arriba|adjunt[oa]s?|proporcionad[oa]s?|siguientes?|anterior(?:es)?)\b""",
    "pt": r"""
        (?:seguintes?) (?:\w+ ){0,1}(?:tabela|código|texto|passagem|trecho|parágrafo|artigo|poema|história|carta|
        e-?mail|mensagem|frases?|diálogo|lista|dados|números|json|xml|csv|arquivo|documento|relatório|imagem|foto|
        figura|diagrama|gráfico|mapa|script|programa|função|consulta|valores|equação|citação|exemplo|palavras)\w*|
        (?:tabela|código|texto|passagem|trecho|parágrafo|artigo|poema|lista|dados|números|arquivo|documento|imagem|
        figura|gráfico|frases?|e-?mail|carta)(?: \w+){0,2} (?:abaixo|acima|a seguir|em anexo|anexad[oa]s?|anex[oa]|
        fornecid[oa]s?|seguintes?)\b|(?:o|a|os|as|do|da|dos|das|no|na) \w{4,}(?: \w+)? (?:anexad[oa]s?|em anexo)\b""",
    "it": r"""
        (?:seguent[ei]|sottostant[ei]|soprastant[ei]|allegat[oaei]) (?:\w+ ){0,1}(?:tabella|codice|testo|brano|
        passaggio|paragrafo|articolo|estratto|poesia|storia|lettera|e-?mail|messaggio|fras[ei]|dialogo|lista|elenco|
        dati|numeri|json|xml|csv|file|documento|rapporto|immagine|foto|figura|diagramma|grafico|mappa|script|
        programma|funzione|query|valori|equazione|citazione|esempio|parole)\w*|(?:tabella|codice|testo|brano|
        paragrafo|articolo|poesia|lista|elenco|dati|numeri|file|documento|immagine|figura|grafico|fras[ei]|e-?mail|
        lettera)(?: \w+){0,2} (?:qui sotto|sotto|sottostante|qui sopra|sopra|soprastante|allegat[oa]|fornit[oa]|
        seguent[ei]|in allegato)\b|(?:relazione|contratto|bilancio|verbale|scheda|curriculum|saggio|questionario|
        foglio|ricevuta|fattura|presentazione|preventivo|tema|referto) (?:qui |in )?(?:allegat[oa]|sotto|sottostante|
        sopra|seguente|riportat[oa])\b|(?:il|lo|la|i|gli|le|l'|del|dal|nel|dello|della|dalla|nella|dell')\s?\w{4,}
        (?: \w+)? (?:allegat[oaei]|in allegato)\b(?! (?:a|al|alla|ai)\b)""",
    "nl": r"""
        (?:volgende|onderstaande|bovenstaande|bijgevoegde|bijgaande|meegeleverde) (?:\w+ ){0,2}\w*(?:tabel|code|tekst|
        passage|alinea|artikel|fragment|gedicht|verhaal|brief|e-mail|bericht|zin|zinnen|dialoog|lijst|gegevens|data|
        getallen|json|xml|csv|bestand|document|rapport|afbeelding|foto|figuur|diagram|grafiek|kaart|script|programma|
        functie|query|waarden|vergelijking|citaat|woorden)\w*|\w*(?:tabel|code|tekst|lijst|gegevens|alinea|artikel|
        afbeelding|grafiek|bestand) (?:hieronder|hierboven|in de bijlage)""",
    "pl": r"""
        (?:poniższ\w+|powyższ\w+|następując\w+|załączon\w+|dołączon\w+|podan\w+) (?:\w+ ){0,2}(?:tabel\w+|kod\w*|
        tekst\w*|fragment\w*|akapit\w*|artykuł\w*|wiersz\w*|opowiadani\w+|list\w*|e-?mail\w*|wiadomoś\w+|zda(?:ni|
        ń)\w*|dialog\w*|dan\w+|liczb\w*|json|xml|csv|plik\w*|dokument\w*|raport\w*|obraz\w*|zdjęci\w+|rysun\w+|
        diagram\w*|wykres\w*|map\w+|skrypt\w*|program\w*|funkcj\w+|zapytani\w+|równani\w+|cytat\w*)|(?:tabel\w+|
        kod\w*|tekst\w*|fragment\w*|lis\w+|dan\w+|artykuł\w*|wykres\w*|obraz\w*) (?:poniżej|powyżej|w załączniku)""",
    "cs": r"""
        (?:následující\w*|níže uveden\w+|výše uveden\w+|přiložen\w+) (?:\w+ ){0,2}(?:tabul\w+|kód\w*|text\w*|
        odstav\w+|článe?k\w*|úryv\w+|bás\w+|seznam\w*|dat\w*|čís\w+|soubor\w*|dokument\w*|obráz\w+|graf\w*|vět\w+|
        e-?mail\w*)|(?:tabul\w+|kód\w*|text\w*|seznam\w*|dat\w*) (?:níže|výše|v příloze)""",
    "sv": r"""
        (?:följande|nedanstående|ovanstående|bifogade) (?:\w+ ){0,2}\w*(?:tabell|kod|text|stycke|artikel|utdrag|dikt|
        lista|data|siffror|fil|dokument|bild|diagram|mening|mejl|brev)\w*|\w*(?:tabellen|koden|texten|listan|datan|
        stycket|artikeln|bilden|diagrammet) (?:nedan|ovan)""",
    "da": r"""
        (?:følgende|nedenstående|ovenstående|vedhæftede|vedlagte) (?:\w+ ){0,2}\w*(?:tabel|kode|tekst|afsnit|avsnitt|
        artikel|uddrag|utdrag|digt|dikt|liste|data|tal|fil|dokument|billede|bilde|diagram|sætning|setning|mail|
        brev)\w*|\w*(?:tabellen|koden|teksten|listen|dataene|afsnittet|artiklen|billedet|bildet|
        diagrammet) (?:nedenfor|ovenfor|herunder|under|over)\b""",
    "ro": r"""
        (?:următor\w+|atașat\w*) (?:\w+ ){0,2}(?:tabel\w*|cod\w*|text\w*|paragraf\w*|articol\w*|poezi\w+|list\w+|
        date\w*|numere\w*|fișier\w*|imagin\w+|propoziți\w+)|(?:tabel\w*|cod\w*|text\w*|list\w+|date\w*|paragraf\w*|
        articol\w*|imagin\w+) (?:\w+ )?(?:de mai jos|de mai sus|următor\w*|atașat\w*)""",
    "hu": r"""
        (?:alábbi|következő|fenti|mellékelt|csatolt) (?:\w+ ){0,2}(?:táblázat|kód|szöveg|bekezdés|cikk|részlet|vers|
        lista|adat|szám|fájl|dokumentum|kép|ábra|grafikon|mondat|levél)\w*""",
    "fi": r"""
        (?:seuraava\w*|alla oleva\w*|yllä oleva\w*|oheise\w*|oheinen|liitteenä oleva\w*) (?:\w+ ){0,2}(?:taulukko|
        taulukon|koodi|teksti|tekstin|kappale|artikkeli|runo|lista|data|tiedosto|kuva|kaavio|lause)\w*""",
    "tr": r"""
        (?:aşağıdaki|yukarıdaki|ekteki|ekli|verilen|aşağıda verilen|yukarıda verilen) (?:\w+ ){0,2}(?:tablo|kod|metin|
        metn|paragraf|makale|alıntı|şiir|hik[aâ]ye|mektup|e-?posta|mesaj|cümle|diyalog|liste|veri|sayı|json|xml|csv|
        dosya|belge|rapor|görsel|resim|resm|fotoğraf|şekil|şekl|diyagram|grafi[kğ]|harita|betik|program|fonksiyon|
        sorgu|değer|denklem)\w*""",
    "vi": r"""
        (?:bảng|đoạn|đoạn văn|văn bản|mã|đoạn mã|bài|bài báo|bài thơ|câu|danh sách|dữ liệu|số liệu|tệp|tài liệu|hình|
        hình ảnh|biểu đồ|thư|email|hàm)(?: \w+){0,3} (?:dưới đây|sau đây|bên dưới|ở dưới|ở trên|bên trên|trên đây|
        đính kèm|phía dưới|kèm theo)(?!\w)|
        (?:bảng|đoạn văn|văn bản|đoạn mã|câu|danh sách|dữ liệu|đoạn code) sau(?!\w)""",
    "id": r"""
        (?:tabel|kode|teks|bacaan|paragraf|artikel|kutipan|puisi|cerita|surat|email|pesan|kalimat|dialog|daftar|data|
        angka|berkas|file|dokumen|laporan|gambar|foto|diagram|grafik|peta|skrip|program|fungsi|
        kueri)(?: \w+){0,2} (?:berikut(?: ini)?|di bawah(?: ini)?|di atas|terlampir|yang diberikan|
        tersebut di atas)(?!\w)""",
    "ru": r"""
        (?:следующ\w+|нижеследующ\w+|нижеприведённ\w+|нижеприведенн\w+|вышеприведённ\w+|приведённ\w+|приведенн\w+|
        прилагаем\w+|прикреплённ\w+|прикрепленн\w+|приложенн\w+|предоставленн\w+|данн(?:ый|ую|ого|ом|ой|
        ые))(?: (?:ниже|выше|в приложении))? (?:[\w-]+ ){0,2}(?:таблиц\w*|код\w*|текст\w*|отрыв\w+|абзац\w*|стать\w+|
        фрагмент\w*|стих\w*|рассказ\w*|письм\w+|сообщени\w+|предложени\w+|диалог\w*|спис\w+|данн\w+|числ\w*|json|xml|
        csv|файл\w*|документ\w*|отчёт\w*|изображени\w+|фото\w*|рисун\w+|диаграмм\w*|график\w*|карт\w+|скрипт\w*|
        программ\w*|функци\w+|запрос\w*|уравнени\w+|цитат\w*)|(?:таблиц\w*|код\w*|текст\w*|спис\w+|данн\w+|абзац\w*|
        рисун\w+|график\w*|изображени\w+|фрагмент\w*|отрыв\w+|стать\w+|письм\w+|функци\w+)(?:,)? (?:(?:приведённ|
        приведенн|представленн|указанн|данн)\w+ )?(?:ниже|выше|во вложении|в приложении)(?!\w)""",
    "uk": r"""
        (?:наступн\w+|нижченаведен\w+|наведен\w+|поданн?\w+|додан\w+|прикріплен\w+|наданн?\w+|вищенаведен\w+|такий|
        таку|такі)(?: (?:нижче|вище|у додатку))? (?:[\w-]+ ){0,2}(?:таблиц\w*|код\w*|текст\w*|урив\w+|абзац\w*|
        статт\w+|фрагмент\w*|вірш\w*|оповідан\w+|лист\w*|повідомленн\w+|реченн\w+|діалог\w*|спис\w+|дан\w+|числ\w*|
        файл\w*|документ\w*|звіт\w*|зображенн\w+|фото\w*|малюн\w+|діаграм\w*|графік\w*|скрипт\w*|програм\w*|функці\w+|
        запит\w*)|(?:таблиц\w*|код\w*|текст\w*|спис\w+|дан\w+|абзац\w*|малюн\w+|графік\w*|зображенн\w+|фрагмент\w*|
        статт\w+)(?:,)? (?:(?:наведен|подан)\w+ )?(?:нижче|вище|у вкладенні)(?!\w)""",
    "bg": r"""
        (?:следн\w+|долн\w+|горн\w+|приложен\w+) (?:\w+ ){0,2}(?:таблиц\w*|код\w*|текст\w*|абзац\w*|стати\w+|спис\w+|
        данни\w*|файл\w*|изображени\w+|изречени\w+)|
        (?:таблиц\w*|код\w*|текст\w*|спис\w+|данни\w*) (?:по-долу|по-горе)""",
    "el": r"""
        (?:παρακάτω|ακόλουθ\w+|παραπάνω|συνημμέν\w+|επισυναπτόμεν\w+|επόμεν\w+) (?:\w+ ){0,2}(?:πίνακ\w+|κώδικ\w+|
        κείμεν\w+|απόσπασμ\w*|παράγραφ\w+|άρθρ\w+|ποίημ\w*|ιστορί\w+|επιστολ\w+|μήνυμ\w*|πρότασ\w+|προτάσ\w+|
        διάλογ\w+|λίστα\w*|δεδομέν\w+|αριθμ\w+|αρχεί\w+|έγγραφ\w+|εικόν\w+|φωτογραφί\w+|διάγραμμ\w*|γράφημ\w*|
        συνάρτησ\w+|πρόγραμμ\w*)|(?:πίνακα|κώδικα|κείμενο|λίστα|δεδομένα) (?:παρακάτω|παραπάνω)""",
    "ar": r"""
        (?:ال)?(?:جدول|كود|شيفرة|شفرة|نص|مقطع|فقرة|مقال|مقالة|قصيدة|قصة|رسالة|جملة|جمل|حوار|قائمة|بيانات|أرقام|ملف|
        مستند|تقرير|صورة|رسم|مخطط|خريطة|دالة|برنامج|استعلام)(?: \w+){0,3}? (?:التالي|التالية|الآتي|الآتية|أدناه|أعلاه|
        المرفق|المرفقة|السابق|السابقة|المقدم|المعطى|المعطاة)(?!\w)""",
    "he": r"""
        ה?(?:טבלה|קוד|טקסט|קטע|פסקה|מאמר|שיר|סיפור|מכתב|הודעה|משפט|משפטים|דיאלוג|רשימה|נתונים|מספרים|קובץ|מסמך|דוח|
        תמונה|תרשים|גרף|מפה|פונקציה|תוכנית|שאילתה)(?: \w+){0,2} (?:הבא|הבאה|הבאים|הבאות|שלהלן|להלן|למטה|למעלה|לעיל|
        שלמטה|שלמעלה|המצורף|המצורפת|המצורפים|הנתונה|הנתון)(?!\w)""",
    "fa": r"""
        (?:جدول|کد|متن|قطعه|پاراگراف|مقاله|شعر|داستان|نامه|پیام|جمله|جملات|گفتگو|فهرست|لیست|داده ?های?|اعداد|فایل|سند|
        گزارش|تصویر|عکس|نمودار|شکل|تابع|برنامه)(?: \w+){0,2} (?:زیر|بالا|پیوست|فوق|ضمیمه|داده شده)(?!\w)""",
    "hi": r"""
        (?:निम्नलिखित|नीचे दी गई|नीचे दिए गए|नीचे दिये गये|नीचे दिया गया|ऊपर दी गई|ऊपर दिए गए|दिए गए|दी गई|संलग्न|
        उपरोक्त) (?:\S+ ){0,2}(?:
        तालिका|कोड|पाठ|गद्यांश|अनुच्छेद|लेख|कविता|कहानी|पत्र|ईमेल|संदेश|वाक्य|वाक्यों|संवाद|सूची|डेटा|आंकड़|आँकड़|
        संख्या|फ़ाइल|फाइल|दस्तावेज|रिपोर्ट|चित्र|तस्वीर|आरेख|ग्राफ|फ़ंक्शन|प्रोग्राम)""",
    "zh": r"""
        (?:以下|下面|下列|上述|上面|以上|下方|上方|附件|所附|附上|如下|给定|給定|提供)(?:的|中的|这[段张个篇]|
        這[段張個篇]|所示的|给出的|列出的|所给的|提供的)?[^，。！？\n]{0,6}?(?:表格|表|代码|代碼|程序|函数|文本|文章|
        段落|短文|诗|故事|信|邮件|消息|句子|对话|列表|清单|数据|數據|数字|文件|文档|报告|图片|圖片|照片|图表|圖表|图|
        示意图|脚本|查询|方程|文字|材料|评论|日志)|(?:如|见)(?:下|上)(?:图|表)|[下上][表图圖](?=[中里裡所的，。、给给列示内內])|(?:根据|根據|阅读|閱讀|分析|按照|
        依据|参照|参考|结合|观察|对照|利用|使用)[下上](?:表|图|圖|文|列)|附件(?:中|里)?""",
    "ja": r"""
        (?<![\u30a0-\u30ff\u4e00-\u9fff])(?:以下|次|下記|上記|下|上|添付|与えられた|提示された)(?:の|された|した|
        に示す|にある)?[^、。！？\n]{0,8}?(?:表|コード|プログラム|関数|文章|テキスト|段落|記事|抜粋|詩|物語|手紙|
        メール|メッセージ|会話|リスト|一覧|データ|数字|数値|ファイル|文書|レポート|画像|写真|図|グラフ|スクリプト|
        クエリ|英文|文を|文の)|添付(?:ファイル|の)""",
    "ko": r"""
        (?:다음|아래|위|첨부된|첨부한|주어진|제시된|하단)(?:의|에 있는|에 주어진|에 제시된|)?\s?(?:\S+ ){0,2}?(?:표|
        코드|프로그램|함수|텍스트|글|지문|문단|기사|발췌문|시|이야기|편지|이메일|메시지|문장|대화|목록|리스트|데이터|
        숫자|파일|문서|보고서|이미지|그림|사진|도표|그래프|차트|스크립트|쿼리)(?:을|를|의|에|에서|은|는|이|가|와|과|
        들|로)""",
    "th": r"""
        (?:
        ตาราง|โค้ด|โปรแกรม|ฟังก์ชัน|ข้อความ|บทความ|ย่อหน้า|บทกวี|เรื่อง|จดหมาย|อีเมล|ประโยค|บทสนทนา|รายการ|ข้อมูล|ตัวเลข|ไฟล์|
        เอกสาร|รายงาน|รูปภาพ|ภาพ|แผนภูมิ|กราฟ|แผนภาพ)[^\s]{0,14}\s?(?:
        ด้านล่าง|ข้างล่าง|ต่อไปนี้|ข้างต้น|ด้านบน|ที่แนบ|แนบมา|ที่ให้มา|
        ดังกล่าวข้างต้น)""",
}
"""Pointing at an input."""
