"""Phrases by which a responder refuses or asks back, by language, as data in the form that `phrases.py` explains."""

from __future__ import annotations

from evol.elimination.phrases import Phrases

REFUSALS: Phrases = {
    "en": r"""
        i (?:do(?:n't| not) feel (?:comfortable|right)|(?:would |'d )?(?:much |really )?(?:prefer|rather) not(?: to)?
        (?: be)? (?:rank|discuss|answer|comment|take|give|write|speculat|provid|engag|compar|judg|shar|express|offer|
        help|assist|creat|generat|participat|respond|address|recommend|weigh))|i'd (?:prefer|rather) not(?: to)? (?:rank|
        discuss|answer|comment|take|give|write|speculat|provid|engag|compar|judg|shar|express|offer|help|assist|creat|
        generat|participat|respond|address|recommend|weigh)|it (?:would|wouldn't|would not|is|isn't|is not)
        (?: not)?(?: be)? (?:in|un)?(?:appropriate|ethical|right|responsible) for me to|i (?:can't|cannot|can not|won't|will not|couldn't|am unable to|am not able to|won't be able to|
        am not allowed to|am not comfortable|must decline|have to decline)(?: to)?(?: (?:help|assist|provid|fulfil|
        comply|complet|do (?:that|this|it|so)|answer|generat|creat|writ|discuss|give|engag|support|access|brows|open|
        view|process|produc|offer|continue|respond|participat|perform|recommend (?:any|a|an|specific|particular)\b|
        share|translat|teach|this|that|your|with)|[,.])|i'm (?:unable|not able|not allowed|not comfortable|not going|
        going to have) to (?:\w+ )?(?:help|assist|provid|fulfil|comply|complet|do|answer|generat|creat|writ|discuss|
        give|engag|support|access|brows|open|view|process|produc|offer|continue|respond|participat|perform|
        recommend (?:any|a|an|specific|particular)\b|share|translat|teach|decline)|i'm not (?:comfortable|
        able) (?:with|helping|writing|discussing|answering|talking|commenting|sharing|taking|giving|ranking|
        engaging|comparing|providing|creating|to)|i (?:must|have to|respectfully|need to) (?:decline|
        refuse)|i decline to|i do(?:n't| not) have (?:access to|the ability to|permission)|(?:this|that|it|
        your request) (?:request )?(?:is|goes|would be) against my (?:guidelines|programming|policies|principles|
        policy)|i refuse to|(?:that|this|it)(?:'s| is)? (?:not )?something i (?:can't|cannot|can|am able to|
        'm able to) (?:help|assist|do)""",
    "de": r"""
        ich kann (?:[\w-]+,? ){0,7}(?:nicht|keine\w*) (?:[\w-]+ ){0,5}(?:helfen|unterstützen|beantworten|erfüllen|
        weiterhelfen|behilflich|bereitstellen|nachkommen|geben|schreiben|erstellen|übersetzen|öffnen|zugreifen|
        anbieten|liefern|machen|ausführen|dienen|erteilen)|(?:kann|darf|möchte|werde) ich (?:[\w-]+ ){0,6}(?:nicht|
        keine\w*) (?:[\w-]+ ){0,4}(?:helfen|weiterhelfen|behilflich|unterstützen|beantworten|erfüllen|dienen|nachkommen|geben|
        erteilen|schreiben)|ich (?:darf|werde|möchte) (?:[\w-]+ ){0,6}(?:nicht|keine\w*) (?:[\w-]+ ){0,3}(?:helfen|
        unterstützen|beantworten|schreiben|geben|erteilen|machen|äussern)|ich bin (?:\w+ ){0,2}nicht in der lage|
        (?:ich möchte|möchte ich) (?:[\w-]+ ){0,4}(?:lieber nicht|nicht (?:urteilen|spekulieren|diskutieren|bewerten|
        eingehen|teilnehmen|mitwirken))|ich fühle mich (?:[\w-]+ ){0,4}(?:nicht wohl|unwohl)|es wäre (?:unangemessen|
        nicht angemessen|unverantwortlich)|das kann ich (?:leider )?nicht (?:tun|machen|schreiben|beantworten)|
        ich muss (?:[\w-]+ ){0,4}ablehnen|muss ich (?:[\w-]+ ){0,3}ablehnen|ich lehne (?:es|das|diese)""",
    "fr": r"""
        je ne (?:peux|puis|pourrai|saurais) (?:malheureusement )?pas (?:[\w']+ ){0,4}(?:[\w']*aider|répondre|fournir|
        donner|écrire|accéder|satisfaire|faire|générer|créer|traiter|assister|participer|proposer|rédiger)|
        je ne suis pas (?:en mesure|capable|autorisée?)|je (?:dois|me vois) (?:\w+ ){0,2}(?:refuser|décliner|
        contraint)|il m'est impossible de|je refuse de|je préfère ne pas|
        je (?:préférerais|souhaite|souhaiterais) ne pas|je ne (?:souhaite|veux|vais) pas (?:\w+ ){0,2}(?:aborder|discuter|
        répondre|écrire|participer|classer|donner|comparer)|je ne me sens pas (?:à l'aise|en mesure)|
        je ne suis pas à l'aise|il (?:serait|ne serait|n'est) (?:pas |inapproprié )(?:approprié|convenable)?|je ne peux (?:malheureusement )?(?:vous|t'|pas)""",
    "es": r"""
        no (?:puedo|podré|podría|me es posible|estoy en condiciones de|soy capaz de) (?:\w+ ){0,3}(?:ayudar\w*|
        responder\w*|proporcionar\w*|cumplir|escribir\w*|dar\w*|generar|acceder|hacer\w*|asistir\w*|ofrecer\w*|
        realizar|crear|brindar\w*|atender)|no puedo (?:con|en) (?:eso|esto)|(?:prefiero|preferiría) no (?:\w+ ){0,1}(?:opinar|comparar|hablar|dar|
        responder|escribir|participar|entrar|tratar|discutir|clasificar|hacer)\w*|no me siento cómod[oa]|
        no (?:voy a|quiero|deseo) (?:ayudar|escribir|responder|participar|opinar)\w*|no (?:sería|es) (?:apropiado|correcto|
        adecuado) que (?:yo )?|no estoy autorizad[oa]|me veo obligad[oa] a rechazar|
        debo (?:rechazar|negarme)|me niego a""",
    "pt": r"""
        não (?:posso|consigo|poderei|tenho como|é possível para mim|sou capaz de|
        estou autorizad[oa] a) (?:\w+ ){0,3}(?:ajud\w+|responder|fornecer|atender|escrever|dar|gerar|acessar|fazer|
        criar|oferecer|cumprir|auxiliar|realizar)|prefiro não (?:\w+ ){0,1}(?:opinar|comparar|falar|dar|responder|escrever|participar|discutir|comentar|fazer)|
        não me sinto (?:confortável|à vontade)|não (?:vou|quero|desejo) (?:ajudar|escrever|responder|participar|opinar)|
        não (?:seria|é) (?:apropriado|adequado|correto) (?:que eu|eu)|devo recusar|recuso-me a|preciso recusar""",
    "it": r"""
        non (?:posso|sono in grado|riesco|mi è possibile) (?:di )?(?:\w+ ){0,3}(?:aiutar\w*|risponder\w*|fornir\w*|
        scriver\w*|dar\w*|generare|accedere|fare|farlo|soddisfare|crear\w*|assister\w*|esaudire|offrir\w*)|
        (?:preferisco|preferirei) non (?:\w+ ){0,1}(?:rispondere|parlare|dare|scrivere|esprimer\w*|discutere|commentare|
        partecipare|confrontare)|non mi sento (?:a mio agio|di)|non (?:voglio|intendo|posso proprio) (?:aiutar|scriver|
        risponder|partecipar|discuter)\w*|non (?:sarebbe|è) (?:appropriato|opportuno|corretto) che io|non sono autorizzat[oa]|
        devo rifiutare|mi rifiuto di""",
    "nl": r"""
        ik (?:kan|mag|wil) (?:\w+ ){0,7}(?:niet|geen) (?:\w+ ){0,5}(?:helpen|beantwoorden|geven|schrijven|voldoen|
        doen|maken|bieden|verstrekken|meewerken)|(?:kan|mag|wil) ik (?:\w+ ){0,6}(?:niet|geen) (?:\w+ ){0,4}(?:helpen|
        voldoen|geven|beantwoorden|meewerken|schrijven)|ik ben niet in staat|ik moet (?:\w+ ){0,3}weigeren|
        ik voel me (?:\w+ ){0,3}niet (?:prettig|op mijn gemak)|ik (?:wil|ga|geef|doe) (?:\w+ ){0,4}liever (?:niet|geen)""",
    "pl": r"""
        nie (?:mogę|jestem w stanie|potrafię|wolno mi) (?:\w+ ){0,4}(?:pomóc|pomagać|spełnić|odpowiedzieć|podać|
        napisać|udzielić|zrobić|wykonać|dostarczyć|stworzyć|przygotować)|muszę odmówić|odmawiam|wol(?:ę|ałbym|ałabym) (?:\w+ )?nie (?:odpowiadać|oceniać|pisać|porównywać|
        wypowiadać|rozmawiać)|nie czuję się (?:komfortowo|swobodnie)|nie będę (?:pomagać|pisać|odpowiadać)|
        nie (?:pomogę|napiszę|odpowiem)""",
    "cs": r"""
        (?:s tím |tohle )?(?:vám |ti )?(?:bohužel )?(?:nemohu|nemůžu) (?:\w+ ){0,4}(?:pomoci|pomoct|splnit|odpovědět|
        poskytnout|napsat)|nejsem schopen|raději (?:bych )?ne\w+|necítím se|musím odmítnout""",
    "sv": r"""
        (?:jag )?kan (?:jag )?(?:\w+ ){0,4}(?:inte|ingen) (?:\w+ ){0,4}(?:hjälpa|svara|ge|skriva|uppfylla|
        tillhandahålla)|jag måste (?:\w+ ){0,2}avböja|
        jag (?:vill|skulle) (?:\w+ ){0,2}helst inte|jag känner mig inte bekväm|jag föredrar att inte""",
    "da": r"""
        (?:jeg )?kan (?:jeg )?(?:\w+ ){0,4}ik{1,2}e (?:\w+ ){0,4}(?:hjælpe|hjelpe|svare|besvare|give|gi|skrive|
        opfylde|oppfylle)|jeg må (?:\w+ ){0,2}(?:afslå|avslå)|
        jeg vil (?:\w+ ){0,2}helst ik{1,2}e|jeg foretrækker ikke|jeg føler mig ikke|jeg er ik{1,2}e komfortabel""",
    "ro": r"""
        nu (?:pot|sunt în măsură) (?:\w+ ){0,4}(?:ajuta|ajut|răspund|ofer|scriu|fac|discut|răspunde|oferi|scrie|îndeplini|face|furniza)|
        trebuie să refuz""",
    "hu": r"""
        nem (?:tudok|tudom|áll módomban|segíthetek) (?:\w+ ){0,4}(?:segíteni|válaszolni|teljesíteni|írni|adni)?|
        vissza kell utasítanom""",
    "fi": r"""
        en (?:voi|pysty) (?:\w+ ){0,4}(?:auttaa|auttamaan|vastata|antaa|kirjoittaa|täyttää)|minun on kieltäydyttävä""",
    "tr": r"""
        (?:\w+ ){0,6}yardımcı ola(?:mam|mıyorum|mayacağım|mayız)|(?:\w+ ){0,4}(?:isteğ|taleb|istek|
        talep)\w* (?:\w+ )?(?:yerine getirem|karşılayam|yanıtlayam|gerçekleştirem)(?:em|iyorum|ıyorum|eyeceğim|ayacağım|
        am|eyiz|ayız|\w{0,3}m)\b|(?:\w+ ){0,6}(?:verem|yapam|yazam|sağlayam|yanıtlayam|cevaplayam|oluşturam|yardım edem)(?:em|am|iyorum|
        ıyorum|eyeceğim|ayacağım)(?!\w)|(?:\w+ ){0,6}(?:tercih etm(?:em|iyorum)|tercih ederim|rahat hissetmiyorum|
        doğru bulmuyorum|istemiyorum)(?!\w)|reddetmek zorundayım""",
    "vi": r"""
        (?:tôi )?(?:rất tiếc,? )?(?:tôi )?không thể (?:\w+ ){0,3}(?:giúp|hỗ trợ|trả lời|cung cấp|viết|đáp ứng|
        thực hiện|làm|tạo|đưa ra)|tôi (?:xin )?(?:phép )?từ chối|tôi (?:xin )?(?:phép )?không (?:muốn|tiện|thoải mái|được phép)|tôi sẽ không (?:viết|
        giúp|trả lời|hỗ trợ)""",
    "id": r"""
        (?:saya )?(?:tidak|nggak|tak) (?:bisa|dapat|mampu) (?:\w+ ){0,3}(?:membantu|menjawab|memberikan|menulis|
        memenuhi|melakukan|menyediakan|membuat)|saya (?:harus )?menolak|saya (?:lebih )?(?:memilih|suka) (?:untuk )?tidak|saya (?:tidak|kurang) (?:merasa )?nyaman|
        saya tidak (?:akan|mau|ingin) (?:membantu|menulis|menjawab|membahas|memberikan)""",
    "ru": r"""
        (?:я )?(?:\w+ ){0,2}не (?:могу|смогу|в состоянии|имею возможности) (?:\w+ ){0,4}(?:помочь|помогать|ответить|
        предоставить|выполнить|написать|дать|давать|создать|сделать|обсуждать|выдать|составить)|вынужден\w* отказать|
        я отказываюсь|я (?:бы )?(?:предпоч\w+|предпочитаю) не|мне (?:неудобно|некомфортно|не хотелось бы)|
        я (?:не буду|не стану|не хочу|не хотел\w? бы) (?:\w+ ){0,2}(?:помогать|писать|отвечать|обсуждать|участвовать|
        сравнивать|давать)""",
    "uk": r"""
        (?:я )?(?:\w+ ){0,2}не (?:можу|зможу|маю змоги|в змозі) (?:\w+ ){0,4}(?:допомогти|допомагати|відповісти|
        надати|виконати|написати|дати|створити|зробити|обговорювати)|змушен\w* відмовити|я відмовляюся|
        я (?:волію|волів би|воліла б|вважаю за краще) не|я (?:не буду|не хочу) (?:\w+ ){0,2}(?:допомагати|писати|
        відповідати|обговорювати)|мені (?:незручно|некомфортно)""",
    "bg": r"""
        не мога (?:да )?(?:\w+ ){0,3}(?:помогна|отговоря|предоставя|изпълня|напиша)|трябва да откажа""",
    "el": r"""
        δεν (?:μπορώ|είμαι σε θέση) να (?:\w+ ){0,3}(?:βοηθήσω|απαντήσω|παρέχω|παράσχω|γράψω|δώσω|κάνω|εκπληρώσω|
        ικανοποιήσω|ανταποκριθώ)|πρέπει να αρνηθώ""",
    "ar": r"""
        (?:لا (?:أستطيع|يمكنني|أقدر)|لن أتمكن|لست قادر\w*|لا يمكن لي|يتعذر علي|ليس بإمكاني|ليس بوسعي|
        أعتذر عن عدم|أفضل (?:عدم|ألا|أن لا)|لا أشعر بالراحة|لا أرغب في|لن أساعد|لن أقوم|أرفض|لست مؤهل\w*|لا يسعني)""",
    "he": r"""
        (?:אינני|אני לא|איני) (?:יכול\w*|מסוגל\w*|רשאי\w*) (?:\w+ ){0,3}ל|לא (?:אוכל|ניתן לי) (?:\w+ ){0,2}ל|
        (?:אני )?נאלצ?ת? ?לסרב|אני מסרב""",
    "fa": r"""
        (?:نمی ?توانم|قادر (?:به \w+ )?نیستم|امکان (?:\w+ ){0,3}ندارم|اجازه ندارم|متاسفانه نمی)""",
    "hi": r"""
        (?:\S{1,30} ){0,8}(?:
        नहीं कर सकता|नहीं कर सकती|नहीं दे सकत|नहीं लिख सकत|मदद नहीं|सहायता नहीं|नहीं कर पाऊ|नहीं दे पाऊ|में असमर्थ|नहीं करना चाह|नहीं देना चाह|नहीं लिखना चाह|सहज नहीं|नहीं करूँगा|नहीं करूंगा|नहीं दूँगा|नहीं लिखूँगा|
        उचित नहीं (?:होगा|समझ)|
        असमर्थ हूं|असमर्थ हूँ|उत्तर नहीं दे)""",
    "zh": r"""
        (?:我)?(?:恐怕)?(?:无法|無法|不能|不便|没办法|沒辦法)(?:为您|为你|為您|帮|幫|协助|協助|提供|回答|满足|滿足|
        完成|处理|生成|撰写|写|執行|执行|访问|打开|讨论|继续|就此|给您|给你|给出|支持)|我(?:必须|不得不)拒绝|我(?:拒绝|婉拒|没法|沒法|不方便|不太方便|不想|不愿意?|不会|宁愿不|更愿意不)
        (?:帮|幫|协助|協助|提供|回答|讨论|討論|写|寫|参与|評論|评论|比较|谈论|就此|对此)|恕(?:我)?(?:不能|无法|無法|难)""",
    "ja": r"""
        (?:お手伝い|お答え|対応|回答|提供|お応え|作成|お受け|ご案内|支援|ご協力|生成|お教え|お伝え)(?:する(?:こと)?|
        を(?:する|提供する)こと)?(?:は|が|も)?(?:できません|できかねます|いたしかねます|致しかねます|出来ません)|
        (?:お答え|回答|対応|協力|お手伝い|コメント|発言|作成|執筆|提供)(?:すること)?(?:は|を)?(?:差し)?控えさせて|
        ご?遠慮(?:します|いたします|させて)|(?:お答え|対応|お手伝い|作成|提供)(?:する(?:の|こと)は|は)?(?:難しい|したくありません)|
        お断り(?:します|いたします|させて)|応じられません|応じることはできません""",
    "ko": r"""
        (?:도와\s?드릴|제공할|제공해 드릴|답변할|답변드릴|답변해 드릴|응할|작성할|작성해 드릴|도울|수행할|알려\s?드릴|
        드릴) 수(?:가|는)? 없|도움을 드릴 수|거절(?:합니다|하겠|할 수밖에)|(?:말씀드리기|답변하기|답변드리기|도와드리기|
        작성하기|제공하기)(?:가|는)? (?:어렵|곤란|힘듭|불편)|(?:답하지|돕지|쓰지|답변하지|말하지|논하지|참여하지) 않(?:겠|으려)|
        (?:하고|쓰고|답하고) 싶지 않습""",
    "th": r"""
        (?:ไม่สามารถ|ไม่อาจ)(?:ช่วย|ให้|ตอบ|ทำ|เขียน|ดำเนินการ|สร้าง|แนะนำ)|ขอปฏิเสธ|ไม่สะดวก(?:ใจ)?ที่จะ|
        ขอไม่(?:ตอบ|ให้|เขียน|แสดง)|ไม่สบายใจที่จะ""",
}
"""A responder that will not or cannot do what it was asked."""

ASKING_BACK: Phrases = {
    "en": r"""
        (?:please|kindly) (?:\w+ )?(?:provide|share|specify|clarify|paste|give me|send|tell me|let me know|include|
        upload|attach|supply|enter|describe|confirm|type)|(?:could|can|would|will) you (?:please |kindly )?(?:provide|
        share|specify|clarify|paste|give me|send|tell me|let me know|elaborate|describe|explain what|be more specific|
        rephrase|confirm|say)|i(?:'ll| will|'d| would)? need (?:to (?:know|see)|(?:a bit |some |a little |
        a few )?more|additional|further|the |you to|some (?:information|details|context))|you (?:haven't|didn't|
        have not|did not|forgot to|seem to have forgotten to|seem to have forgotten)(?: \w+)? (?:provid|includ|attach|
        specif|mention|shar|past|giv|add|sent|send|the )|there (?:is no|isn't (?:a|any)|doesn't seem to be (?:a|any)|
        are no|aren't any) (?:\w+ )?(?:text|code|table|passage|attachment|file|image|article|data|sentence|content|
        list|document|input|link|paragraph)|i (?:don't|do not|can't|cannot) see (?:any|the|a|your)|no (?:text|code|
        table|passage|data|file|image|article)[^.]* (?:was|were|is|has been)? ?(?:provided|included|attached|given)|
        (?:it )?(?:looks|seems|appears) (?:like|that|as) (?:you|the|there|your|no)|(?:which|what|who|
        where)\b[^.?!]{0,60}\b(?:do|did|would|are|were|should|have) (?:you|i|the)\b[^.?!]*\?|what (?:would you like|
        kind|type|sort|topic|exactly|language|tone|subject)[^.?!]*\?|(?:which|what|who|how (?:long|many|much|
        formal))\b[^.?!]{0,80}\b(?:is|are|should) (?:it|the|this|your)\b[^.?!]*\?|once you (?:provide|share|send|
        paste|give)|should (?:i|it|the)\b[^.?!]*\?|(?:more|additional|further) (?:information|details|
        context)[^.]* (?:need|require|provide|share)|who is (?:it|the \w+) for\?|do you (?:want|have|mean|need|
        prefer)\b[^.?!]*\?|are you (?:asking|referring|looking|interested)\b[^.?!]*\?|if you (?:could |
        can )?(?:provide|share|paste|send|give me|tell me)\b[^.]*\bi(?:'ll| will| can|'d be)""",
    "de": r"""
        (?:bitte|könntest du|könnten sie|kannst du|können sie|würdest du|würden sie)\b[^.?!]{0,60}\b(?:geben|gib|
        senden|sende|schick\w*|teilen?|teile|nennen?|nenne|angeben|mitteilen|bereitstellen|stellen|stelle|präzisieren|
        einfügen|füge|fügen|sagen?|sag|verrat\w*|erläuter\w*|beschreib\w*|konkretisier\w*)\b|
        welche[nrsm]?\b[^.?!]{0,60}\b(?:möchte\w*|meinst|meinen sie|soll\w*|hast|haben sie|bevorzug\w*|
        geht es)\b[^.?!]*\?|ich (?:brauche|benötige) (?:\w+ ){0,4}(?:informationen|angaben|details|text|kontext|
        infos)|(?:worüber|worum|wofür|an wen|für wen|um welche[ns]?)\b[^.?!]*\?|was (?:genau )?(?:möchtest|soll|
        meinst)\b[^.?!]*\?|(?:es fehlt|du hast (?:\w+ ){0,3}(?:nicht|kein\w*|vergessen)|
        ich sehe (?:\w+ ){0,2}kein\w*)""",
    "fr": r"""
        (?:pourr(?:ais-tu|iez-vous)|peux-tu|pouvez-vous)\b[^.?!]{0,40}\b(?:fournir|donner|préciser|partager|indiquer|
        envoyer|dire|coller|clarifier)|(?:veuillez|merci de|s'il (?:te|vous) plaît)\b[^.?!]{0,30}\b(?:fournir|
        préciser|partager|indiquer|envoyer|coller|donner|fournis|fournissez|donne[zr]?|envoye[zr]|précise[zr]?|
        partage[zr]?|indique[zr]?)|(?:envoie|donne|indique|précise|fournis)-moi|(?:envoyez|donnez|indiquez|précisez|
        fournissez)-moi|j'(?:ai|aurais) besoin (?:de |du |d')(?:plus|savoir|connaître|précisions|texte|votre|
        informations)|quel(?:le)?s?\b[^.?!]{0,60}\b(?:souhaite[zs]|voule[zs]|veux-tu|voulez-vous|souhaitez-vous|
        préfère[zs]|dois-je)\b[^.?!]*\?|(?:sur quel|à qui|pour qui|de quel)\b[^.?!]*\?|il (?:manque|
        semble que (?:vous|tu))""",
    "es": r"""
        (?:podrías|podría|puedes|puede)\b[^.?!]{0,30}\b(?:proporcionar\w*|compartir\w*|indicar\w*|decir\w*|enviar\w*|
        especificar\w*|dar\w*|aclarar\w*|facilitar\w*|pegar\w*)|por favor,?\s+(?:\w+\s+)?(?:proporciona\w*|
        comparte\w*|indica\w*|envía\w*|especifica\w*|dime|dame|pega\w*|inserta\w*|adjunta\w*|escribe aquí|escríbeme|facilita\w*|aclara\w*|comparta\w*|envíe\w*|
        indique\w*)|(?:compárteme|envíame|indícame|dime|proporcióname|pásame) (?:el|la|los|las|qué|más|sobre)|
        necesito (?:que|más|saber|el |la )|(?:qué|cuál|cuáles|para quién|sobre qué)\b[^.?!]{0,50}\b(?:quieres|quiere|
        prefieres|te gustaría|desea\w*|te refieres|tienes|necesitas)\b[^.?!]*\?|no (?:has|ha) (?:incluido|
        proporcionado|adjuntado)|sobre qué\b[^.?!]*\?""",
    "pt": r"""
        (?:você )?(?:poderia|pode)\b[^.?!]{0,30}\b(?:fornecer|compartilhar|enviar|informar|especificar|dizer|
        esclarecer|dar|indicar|colar)|por favor,?\s+(?:\w+\s+)?(?:forneça|compartilhe|envie|informe|especifique|diga|
        me diga|cole|insira|anexe|indique|me envie)|(?:me envie|me diga|envie-me|diga-me) (?:o|a|os|as|qual|mais)|
        preciso (?:de mais|saber|que você|do texto)|(?:qual|quais|que|sobre o que|sobre qual|
        para quem)\b[^.?!]{0,50}\b(?:você (?:quer|gostaria|prefere|deseja|tem)|gostaria|deseja)\b[^.?!]*\?|
        (?:sobre qual|sobre o que|para quem)\b[^.?!]*\?|você não (?:incluiu|forneceu|enviou|anexou)""",
    "it": r"""
        (?:potresti|potrebbe|puoi|può)\b[^.?!]{0,30}\b(?:fornir\w*|condivider\w*|indicar\w*|dir\w*|inviar\w*|
        specificar\w*|dar\w*|chiarir\w*|incollar\w*)|per favore,?\s+(?:\w+\s+)?(?:fornisci\w*|condividi|indica\w*|
        invia\w*|specifica|dimmi|incolla\w*|forniscimi|inserisci\w*|inserire|mandami|scrivimi|allega\w*)|(?:inviami|dimmi|forniscimi|mandami|indicami) (?:il|la|i|le|lo|
        quale|più|di)|ho bisogno (?:di (?:più|sapere|maggiori|ulteriori)|che|del)|(?:quale|quali|che|su cosa|di cosa|
        a chi|per chi)\b[^.?!]{0,50}\b(?:vuoi|vorresti|preferisci|desideri|intendi|devo)\b[^.?!]*\?|(?:su quale|
        per chi|di quale)\b[^.?!]*\?|non hai (?:incluso|fornito|allegato)""",
    "nl": r"""
        (?:kun|kunt|zou|wil) (?:je|u)\b[^.?!]{0,40}\b(?:geven|delen|sturen|vertellen|aangeven|specificeren|
        verduidelijken|plakken)|(?:graag|alsjeblieft|alstublieft)\b[^.?!]{0,30}\b(?:deel|stuur|geef|plak|vermeld)|
        (?:stuur|geef|deel) (?:\w+ ){0,2}(?:de tekst|het|de code|meer)|ik heb (?:\w+ ){0,3}(?:informatie|tekst|
        details) nodig|(?:welke?|waarover|wat voor|voor wie|aan wie)\b[^.?!]{0,50}\b(?:wil je|wilt u|bedoel je|
        bedoelt u|heb je|moet)\b[^.?!]*\?|(?:waarover|voor wie|over welk)\b[^.?!]*\?""",
    "pl": r"""
        (?:proszę|czy możesz|czy mógłbyś|czy mogłabyś|czy może pan\w*|możesz)\b[^.?!]{0,40}\b(?:podać|podaj|podanie|
        przesłać|prześlij|udostępnić|udostępnij|wkleić|wklej|doprecyzować|sprecyzować|powiedzieć|określić|przesłanie|
        podanie|dostarczyć)|(?:podaj|prześlij|wklej|napisz),? (?:proszę|mi)|(?:jaki|jaka|jakie|który|którą|o czym|
        jakiego|na jaki|dla kogo)\b[^.?!]{0,50}\b(?:chcesz|chciał\w*|masz na myśli|mam|ma być|
        potrzebujesz)\b[^.?!]*\?|potrzebuję (?:\w+ )?(?:więcej|dodatkow\w+)|(?:na jaki temat|dla kogo|
        o czym)\b[^.?!]*\?""",
    "cs": r"""
        (?:prosím|můžete|můžeš|mohl\w* bys\w*)\b[^.?!]{0,40}\b(?:poskyt\w+|sdělit|uveďte|pošlete|upřesn\w+|vlož\w*|
        poslat)|(?:jaký|jaké|který|o čem)\b[^.?!]{0,50}\b(?:chcete|chceš|máte|máš)\b[^.?!]*\?""",
    "sv": r"""
        (?:kan|skulle|kunde) du\b[^.?!]{0,40}\b(?:ge|dela|skicka|berätta|ange|förtydliga|klistra)|(?:vilken|vilket|
        vad|om vad)\b[^.?!]{0,50}\b(?:vill du|menar du|har du)\b[^.?!]*\?|(?:skicka|dela|ange) (?:gärna )?(?:texten|
        koden|mer)""",
    "da": r"""
        (?:kan|ville|kunne|vil) du\b[^.?!]{0,40}\b(?:give|gi|dele|sende|fortælle|fortelle|angive|præcisere|indsætte)|
        (?:hvilke[nt]?|hva(?:d)?|om hvad)\b[^.?!]{0,50}\b(?:vil du|mener du|har du|ønsker du)\b[^.?!]*\?|(?:send|
        del) (?:venligst |gerne )?(?:teksten|koden|mere)""",
    "ro": r"""
        (?:te rog|vă rog|poți|ați putea|ai putea)\b[^.?!]{0,40}\b(?:furniz\w+|trimit\w+|specific\w+|spun\w*|preciz\w+|
        oferi\w*|da)|(?:ce|care|despre ce)\b[^.?!]{0,50}\b(?:dorești|vrei|doriți|preferi)\b[^.?!]*\?""",
    "hu": r"""
        (?:kérem|kérlek|tudnál|tudna|megadnád|megosztanád)\b[^.?!]{0,50}|(?:milyen|melyik|
        miről)\b[^.?!]{0,50}\b(?:szeretnél|szeretné|gondolsz|legyen)\b[^.?!]*\?""",
    "fi": r"""
        (?:voisitko|voitko|ole hyvä ja|annatko)\b[^.?!]{0,50}|(?:mistä|mikä|minkä|mitä)\b[^.?!]{0,50}\b(?:haluat|
        haluaisit|tarkoitat)\b[^.?!]*\?""",
    "tr": r"""
        lütfen\b[^.?!]{0,60}(?:paylaş|gönder|belirt|sağla|ver|söyle|yapıştır|açıkla|ilet|yaz|ekle)\w*|
        (?:\w+ ){0,6}(?:paylaşabilir|belirtebilir|verebilir|söyleyebilir|gönderebilir|açıklayabilir|sağlayabilir|
        iletebilir|paylaşır|gönderir) mi\w*|(?:hangi|ne hakkında|ne tür|kime|nasıl bir|kim için|
        ne kadar)\b[^.?!]{0,60}(?:ist|olsun|tercih|kastediyor|olmalı)\w*[^.?!]*\?""",
    "vi": r"""
        (?:vui lòng|xin hãy|hãy|bạn có thể|làm ơn|xin vui lòng)\b[^.?!]{0,20}(?:cung cấp|chia sẻ|gửi|cho (?:tôi |
        mình )?biết|nêu rõ|dán|cho (?:tôi|mình) )|bạn muốn\b[^.?!]*\?|bạn (?:chưa|vẫn chưa|quên)""",
    "id": r"""
        (?:mohon|tolong|silakan|bisakah|bisa|dapatkah|harap|boleh)\b[^.?!]{0,30}\b(?:berikan|memberikan|bagikan|
        membagikan|kirim\w*|mengirim\w*|sebutkan|menyebutkan|jelaskan|menjelaskan|beri tahu|memberi tahu|tempel\w*|
        cantumkan)|(?:topik|tema|yang mana|apa|untuk siapa|tentang apa)\b[^.?!]{0,50}\b(?:anda|kamu) (?:ingin\w*|mau|
        inginkan|maksud)\b[^.?!]*\?|(?:untuk siapa|tentang apa)\b[^.?!]*\?""",
    "ru": r"""
        пожалуйста,?\s+(?:\w+\s+)?(?:предоставь|укажи|пришли|уточни|отправь|вставь|поделись|поделитесь|напиши|сообщи|
        скажи|опиши|приведи)\w*|(?:пришли|укажи|уточни|предоставь|вставь|отправь|скажи)(?:те)?,? пожалуйста|(?:можете|
        могли бы вы|можешь|мог бы ты|не могли бы)\b[^.?!]{0,40}\b(?:уточнить|предоставить|прислать|указать|сказать|
        отправить|поделиться)|(?:какой|какую|какая|какие|какого|на какую|о чём|о чем|что именно|для кого|
        кому)\b[^.?!]{0,60}\?|мне (?:нужн\w+|нужно знать|требуется|понадобится)|вы не (?:указали|предоставили|
        приложили|прислали)""",
    "uk": r"""
        будь ласка,?\s+(?:\w+\s+)?(?:надай|надішл|вкажі|уточн|поділ|встав|скажі|опиш|напиш)\w*|(?:надішліть|вкажіть|
        уточніть|надайте|вставте|скажіть),? будь ласка|(?:можете|могли б ви|можеш|чи можете|
        не могли б)\b[^.?!]{0,40}\b(?:уточнити|надати|надіслати|вказати|сказати)|(?:який|яку|яка|які|на яку|про що|
        що саме|для кого|кому)\b[^.?!]{0,60}\?|мені потрібн\w+|ви не (?:вказали|надали|додали)""",
    "bg": r"""
        моля,? (?:\w+ )?(?:предостав|посоч|изпрат|уточн|сподел)\w*|(?:можете ли|бихте ли)\b[^.?!]{0,50}|(?:каква|
        какъв|за какво)\b[^.?!]{0,60}\?""",
    "el": r"""
        (?:μπορείς|μπορείτε|θα μπορούσ\w+) (?:\w+ )?να\b[^.;?!]{0,40}(?:δώσ|στείλ|πεις|πείτε|διευκριν|παρέχ|μοιραστ|
        παράσχ)\w*|παρακαλώ,?\s+(?:\w+\s+)?(?:δώσ|στείλ|παρέχ|διευκριν|πες|πείτε|μοιρ|παραθ)\w*|(?:ποιο|ποια|ποιον|
        για ποι\w+|τι|σε ποι\w+)\b[^.;?!]{0,60}(?:θέλεις|θέλετε|προτιμ\w+|εννοείς|εννοείτε|θα ήθελ\w+)|
        χρειάζομαι (?:περισσότερ|το )""",
    "ar": r"""
        (?:يرجى|الرجاء|من فضلك،?|هل يمكنك|هل بإمكانك|هلا|أرجو) (?:\w+ )?(?:تزويدي|تقديم|مشاركة|إرسال|توضيح|تحديد|
        إخباري|ذكر|لصق|أن |زودني|أرسل|حدد|توفير|إدخال|شارك|إرفاق|تزويد)\w*|(?:ما|أي|عن ماذا|عما|حول ماذا|
        لمن)\b[^.؟?!]{0,50}(?:تريد|ترغب|تقصد|تفضل|تود)\w*|أحتاج (?:إلى|المزيد)|لم (?:ترفق|تقدم|تذكر|تزودني)""",
    "he": r"""
        (?:אנא|בבקשה|נא|תוכל|תוכלי|האם תוכל\w*|אפשר|האם אפשר) (?:\w+ ){0,2}(?:לספק|ספק\w*|לשתף|שתפ\w*|שתף|לשלוח|
        שלח\w*|לציין|ציין|ציינו|להבהיר|לפרט|פרט|לומר|להדביק|הדבק\w*|הדביק\w*)|(?:על מה|איזה|איזו|מה|אילו|למי|
        על איזה)\b[^.?!]{0,50}(?:תרצ\w+|רוצ\w+|התכוונ\w+|מתכוונ\w+)|(?:על מה|למי|באיזה נושא)\b[^.!]*\?|לא (?:צירפת|
        סיפקת|ציינת)""",
    "fa": r"""
        لطفاً?[^.؟?!]{0,50}(?:ارسال|ارائه|مشخص|بفرست|وارد|بگویید|بیان|به اشتراک|قرار دهید|توضیح)|(?:می ?توانید|
        ممکن است|آیا می)[^.؟?!]{0,50}(?:ارسال|ارائه|بگویید|مشخص|توضیح|به اشتراک)|(?:چه|کدام|
        درباره چه)[^.؟?!]{0,50}(?:می ?خواهید|مد نظر|مدنظر|منظور|دوست دارید)""",
    "hi": r"""
        कृपया[^।?!]{0,60}(?:प्रदान|साझा|भेज|बताएं|बताएँ|बताइए|दें|दीजिए|स्पष्ट|पेस्ट)|क्या आप[^।?!]{0,60}(?:
        बता सकते|दे सकते|साझा कर|
        स्पष्ट कर|भेज सकते|बता सकती)|(?:कौन|किस|कैसी|क्या|कैसा)[^।?!]{0,50}(?:चाहते|चाहती|चाहेंगे|चाहिए)[^।]*\?|
        मुझे[^।]{0,40}(?:जानकारी|पाठ)[^।]{0,20}चाहिए""",
    "zh": r"""
        (?:请|請)(?:您|你)?(?:提供|分享|告诉我|告訴我|告知|说明|說明|具体说明|发|發|把|将|補充|补充|粘贴|貼|明确|先|
        输入|上传|给我)|(?:您|你)(?:能|可以|能否|可否|是否可以)(?:请)?(?:提供|告诉|说明|具体|分享|补充|详细)|(?:您|
        你)(?:想要?|希望|需要|指的是|打算|更喜欢)[^。！]{0,40}(?:[？?吗呢]|什么|哪)|需要(?:更多|您|你)(?:的)?(?:信息|
        细节|提供|告诉)|(?:没有|沒有|未)(?:看到|提供|附上|找到)|(?:关于什么|什么主题|哪种|哪个|给谁)[^。！]{0,30}[？?]""",
    "ja": r"""
        (?:ご提供|お送り|お知らせ|教えて|共有して|提示して|ご提示|明記して|お聞かせ|貼り付けて|入力して|ご共有|ご記入|
        ご指定|指定して|送って|お教え)(?:ください|下さい|いただけ|頂け|もらえ|くださ)|どの(?:よう|ような|文章|
        テキスト|言語)[^。！]{0,40}(?:ですか|でしょうか|ご希望)|(?:何について|どんな|誰に|どちら)[^。！]*か(?:[。？?]|
        $)""",
    "ko": r"""
        (?:제공해|알려|공유해|보내|제공해|말씀해|붙여\s?넣어|입력해|첨부해|명시해|보여)\s?(?:주세요|주시|주실|줄 수|
        주십시오|주시겠)|(?:어떤|무슨|어느|무엇에|누구에게|어떠한)[^.!]{0,40}(?:원하|인가요|싶으|말씀|하시|할까요|
        드릴까요|좋을까요)[^.!]*\??""",
    "th": r"""
        (?:โปรด|กรุณา|ช่วย|รบกวน)(?:ให้|ส่ง|ระบุ|แจ้ง|บอก|แชร์|วาง|แนบ|ใส่)|คุณ(?:ต้องการ|อยาก|หมายถึง)[^.!]{0,60}(?:
        อะไร|ไหม|
        ไหน|ใด|หรือ|ไร)|(?:เกี่ยวกับอะไร|เรื่องอะไร)""",
}
"""A responder that asks for what it was not given."""
