"""Verbs and question words that an instruction asks with, by language, as data for `asking.py`.

Imperatives and infinitives as they open a sentence; in verb-final languages, as they close one. Keys are ISO 639-1
codes, as in `lexicon.py`, whose languages they help to tell.
"""

from __future__ import annotations

IMPERATIVES: dict[str, str] = {
    "en": """
        explain write list name describe compare contrast give create generate calculate compute find translate
        summarize summarise analyze analyse discuss show prove design develop implement suggest propose identify tell
        make provide draft rewrite rephrase paraphrase convert solve determine evaluate outline sort rank order build
        plan recommend choose pick select justify illustrate compose invent devise formulate construct derive simplify
        expand factor integrate differentiate estimate predict classify categorize categorise group define state
        mention cite quote answer respond reply complete continue finish fill correct fix debug refactor optimize
        optimise improve edit proofread shorten extend elaborate argue debate defend critique criticize criticise
        review assess examine investigate explore interpret infer conclude deduce distinguish match arrange organize
        organise structure format highlight extract count sum add subtract multiply divide round verify check test
        validate confirm demonstrate present report narrate retell recount act play roleplay role simulate model draw
        sketch plot graph tabulate chart map brainstorm come help teach guide walk advise instruct say spell pronounce
        how what which who whom whose why where is are am was were do does did can could would will should may might
        has have turn put reflect consider weigh trace reason work deepen adapt modify change replace remove delete
        insert merge split parse print return output query schedule prepare pitch pretend speculate hypothesize
        contextualize synthesize apply clarify specify detail enumerate itemize label annotate reconcile transform
        transcribe transpose render reformat restate revise reorganize script storyboard tweak update use craft
        conceive coin concoct introduce share recite sing lay break set decide judge rate score grade diagnose
        troubleshoot resolve settle negotiate persuade convince congratulate thank invite greet warn comfort entertain
        roast praise please kindly be talk clear point restructure reorder speak stage stay keep begin start avoid try
        ask get look go cut follow imagine ensure include measure balance combine anticipate quantify visualize
        visualise dream untangle spot trim whip ponder cheer pit juxtapose steelman refute debunk reassure rehearse
        reverse shrink pair number transliterate gauge unpack dissect flesh crack decode decipher parody mimic
        impersonate channel envision brief coach appraise vote rhyme toast commemorate scrutinize scrutinise catalogue
        catalog deconstruct reconstruct retrace reframe recast repurpose rebut counter corroborate substantiate quiz
        spice soften tighten loosen lengthen condense boil reduce punctuate capitalise capitalize alphabetize sharpen
        personify caption subtitle enact dramatize dramatise host moderate mediate referee officiate""",
    "de": """
        erkläre erklär erklären erläutere erläutern schreibe schreib schreiben nenne nenn nennen beschreibe beschreib
        beschreiben vergleiche vergleich gib geben erstelle erstell erstellen berechne berechnen finde find finden
        übersetze übersetz übersetzen fasse fass fassen analysiere analysieren diskutiere diskutieren zeige zeig zeigen
        beweise beweisen entwirf entwerfen entwickle entwickeln implementiere implementieren schlage schlag schlagen
        identifiziere identifizieren erzähle erzähl erzählen mach mache machen formuliere formulieren löse lösen
        bestimme bestimmen bewerte bewerten skizziere ordne sortiere sortieren baue bau plane planen empfiehl empfehlen
        wähle wählen begründe begründen verfasse verfassen erfinde leite ermittle ermitteln schätze definiere
        definieren zähle liste listen setze setz stell stelle beantworte beantworten antworte vervollständige ergänze
        korrigiere korrigieren verbessere verbessern prüfe prüfen untersuche untersuchen interpretiere unterscheide
        rechne entscheide wie was warum wer wo wann welche welcher welches welchen welchem wieso weshalb woher wohin
        wem wen wessen ist sind kann können soll sollte gibt dichte nimm hilf bitte du berate überlege wandle forme
        rate programmiere spiele überarbeite kürze wende reagiere begrüße bereite lies denk denke erörtere tröste
        zeichne male prüf teste gestalte gliedere gruppiere sortier klassifiziere kategorisiere rekonstruiere simuliere
        argumentiere verteidige kommentiere kritisiere rezensiere recherchiere sammle markiere übertrag übertrage
        transformiere konvertiere vereinfache faktorisiere differenziere integriere konstruiere modelliere
        charakterisiere interpretier deute arbeite stellt führe gehe geh nutze verwende verwandle singe reime
        improvisiere moderiere verhandle erwidere veranschauliche illustriere visualisiere fülle ordnen trage wäge
        vermittle welch hast habe könntest würdest könnten streite widerlege entlarve kürz überzeuge beruhige ermutige
        warne begutachte bewirb verkaufe preise lobe tadle rüge parodiere imitiere spiegle verdichte straffe verlängere
        verkürze reduziere zerlege entschlüssele errate rätsle messe wiege gewichte paare verbinde verknüpfe trenne
        unterteile nummeriere zitiere paraphrasiere umschreibe umschreib dolmetsche synchronisiere vertone inszeniere
        spiel interviewe befrage verhöre protokolliere dokumentiere archiviere katalogisiere budgetiere kalkuliere
        prognostiziere schlussfolgere folgere spezifiziere konkretisiere verallgemeinere abstrahiere erschaffe kreiere
        hinterfrage beurteile rechtfertige relativiere problematisiere""",
    "fr": """
        explique expliquer écris écrire liste lister nomme nommer décris décrire compare comparer donne donner crée
        créer calcule calculer trouve trouver traduis traduire résume résumer analyse analyser discute discuter montre
        montrer prouve démontre démontrer conçois concevoir développe propose proposer suggère identifie raconte
        raconter fais faire rédige rédiger reformule convertis résous résoudre détermine évalue évaluer classe trie
        construis planifie recommande choisis justifie justifier compose invente imagine dérive simplifie estime
        définis définir cite citer réponds complète continue corrige corriger améliore examine explore interprète
        distingue range organise présente présenter énumère dis dites aide rends mets prends ajoute transforme prépare
        rappelle réécris pourquoi comment que quel quelle quels quelles qui quoi où quand combien est peux peut pouvez
        pourrais pourriez tu soit soient élabore précise indique établis implémente programme joue dresse dessine
        vérifie adapte synthétise esquisse contraste formule sélectionne convaincs raconte-moi narre récite chante
        trace cherche simule suppose lis observe remplis résumez rédigez relève repère argumente commente illustre
        calculez traduisez décrivez écrivez faites proposez imaginez donnez analysez expliquez comparez listez trouvez
        démontrez déterminez résolvez présentez citez nommez déduis ordonne rassure défends tri réfute raccourcis
        allonge peins dépeins persuade console encourage avertis vends vante loue parodie condense abrège réduis
        décompose déchiffre devine teste mesure pèse regroupe associe relie sépare divise numérote paraphrase mime
        scénarise anime interviewe interroge documente chiffre prédis pronostique conclus spécifie généralise remets
        questionne juge relativise nuance contredis prolonge poursuis termine achève imite dramatise versifie titre
        intitule légende sous-titre hiérarchise priorise recense inventorie tranche départage arbitre négocie plaide
        accuse blâme félicite remercie invite accueille oppose rapproche""",
    "es": """
        explica explique explicar escribe escriba escribir lista nombra nombre describe describa compara compare da dé
        dame deme crea cree calcula calcule encuentra encuentre traduce traduzca resume resuma analiza analice discute
        discuta muestra muestre demuestra demuestre prueba diseña diseñe desarrolla desarrolle propón proponga sugiere
        sugiera identifica identifique cuenta cuéntame dime diga di haz haga redacta redacte reformula reescribe
        convierte convierta resuelve resuelva determina determine evalúa evalúe clasifica ordena ordene construye
        planifica planea recomienda recomiéndame elige elija justifica justifique compón inventa imagina imagine deriva
        simplifica estima define defina cita cite responde responda completa continúa corrige corrija mejora examina
        explora interpreta distingue organiza presenta presente enumera enumere ayuda ayúdame pon añade transforma
        prepara indica indique elabora elabore menciona mencione argumenta programa implementa qué cómo cuál cuáles
        cuándo dónde quién quiénes cuánto cuánta cuántos cuántas puedes podrías eres actúa tranquiliza explícame
        escríbeme piensa considera reflexiona detalla sustenta escoge dibuja comprueba verifica revisa adapta sintetiza
        esboza esquematiza relaciona contrasta valora analízalo clasifique formula formule plantea plantee señala
        señale enlista convence narra recita canta traza monta busca sugiéreme hazme ponme recomiende reformule simule
        simula asume suponga supón lee lea observa observe rellena refuta acorta alarga pinta retrata persuade consuela
        anima advierte vende elogia parodia condensa abrevia reduce descompón descifra adivina mide pesa agrupa asocia
        separa divide numera parafrasea dramatiza entrevista interroga documenta presupuesta predice pronostica
        concluye especifica generaliza cuestiona juzga matiza contradice prolonga prosigue termina acaba imita
        versifica titula subtitula jerarquiza prioriza inventaría arbitra negocia alega acusa felicita agradece invita
        sopesa diferencia idea concibe urde refute acorte invéntate búscame""",
    "pt": """
        explique explica escreva escreve liste nomeie descreva descreve compare dê crie calcule encontre traduza resuma
        analise discuta mostre prove demonstre projete desenvolva proponha sugira identifique conte diga faça redija
        reformule reescreva converta resolva determine avalie classifique ordene construa planeje monte recomende
        escolha justifique componha invente imagine derive simplifique estime defina cite responda complete continue
        corrija melhore examine explore interprete distinga organize apresente enumere ajude transforme prepare indique
        elabore mencione argumente programe implemente como qual quais quando onde quem quanto quanta quantos quantas
        pode poderia você aja atue pense considere reflita detalhe aponte relacione planifique elenque desenhe
        verifique revise adapte sintetize esboce contraste formule selecione convença narre recite cante trace busque
        simule suponha leia observe preencha faz lista compara cria calcula encontra traduz resume propõe conta diz dá
        indica ordena crie-me refute encurte alongue pinte retrate persuada tranquilize console anime alerte venda
        elogie parodie condense abrevie reduza decomponha decifre adivinhe meça pese agrupe associe separe divida
        numere parafraseie dramatize entreviste interrogue documente orce preveja conclua especifique generalize
        questione julgue matize contradiga prolongue prossiga termine imite intitule legende hierarquize priorize
        arbitre negocie acuse parabenize agradeça convide pondere diferencie distingua idealize conceba bole
        pesquise""",
    "it": """
        spiega spiegami spiegare scrivi scrivimi elenca elencami nomina descrivi confronta dai dammi crea calcola trova
        traduci riassumi analizza discuti mostra mostrami dimostra progetta sviluppa proponi suggerisci suggeriscimi
        identifica racconta raccontami di' dimmi fai fammi redigi riformula riscrivi converti risolvi determina valuta
        classifica ordina costruisci pianifica consiglia consigliami scegli giustifica componi inventa immagina deriva
        semplifica stima definisci cita rispondi completa continua correggi migliora esamina esplora interpreta
        distingui organizza presenta enumera aiutami aiuta trasforma prepara indica elabora menziona argomenta
        programma implementa cosa come perché quale quali quando dove chi quanto quanta quanti quante che puoi potresti
        sei agisci pensa considera rifletti illustra motiva illustrami dettaglia commenta disegna verifica controlla
        adatta sintetizza abbozza confrontate formula seleziona convinci narra recita canta traccia cerca simula
        supponi leggi osserva riempi scrivete spiegate descrivete elencate spieghi scriva descriva elenchi calcolate
        traducete proponete delinea ipotizza ricava redigete stila confuta accorcia allunga dipingi ritrai persuadi
        tranquillizza rassicura consola incoraggia avverti vendi elogia parodia condensa abbrevia riduci scomponi
        decifra indovina misura pesa raggruppa associa collega separa dividi numera parafrasa drammatizza intervista
        interroga documenta preventiva prevedi concludi specifica generalizza contesta giudica sfuma contraddici
        prolunga prosegui termina imita intitola sottotitola gerarchizza arbitra negozia accusa ringrazia invita
        contrapponi soppesa differenzia idea concepisci escogita opponi""",
    "nl": """
        leg schrijf noem beschrijf vergelijk geef maak bereken vind vertaal vat analyseer bespreek toon bewijs ontwerp
        ontwikkel stel identificeer vertel formuleer herschrijf bepaal beoordeel sorteer bouw plan beveel kies
        rechtvaardig componeer bedenk leid vereenvoudig schat definieer citeer beantwoord antwoord voltooi corrigeer
        verbeter onderzoek verken interpreteer onderscheid organiseer presenteer som help zet bereid implementeer
        programmeer lijst schets verklaar onderbouw licht hoe wat waarom wie waar wanneer welke welk hoeveel is zijn
        kun kan kunt waardoor waarmee raad neem zoek teken evalueer motiveer illustreer beargumenteer weerleg speel
        controleer pas vul orden rangschik groepeer voorspel overtuig zing simuleer lees kijk benoem weeg ontleed
        noteer reken herschik verdeel toets ga verzin kort vervolg verleng schilder verf troost bemoedig waarschuw
        verkoop prijs parodieer verdicht verklein ontcijfer meet koppel scheid splits nummer parafraseer dramatiseer
        interview ondervraag documenteer begroot concludeer specificeer veralgemeen betwijfel oordeel nuanceer spreek
        eindig imiteer betitel rijm onderhandel beschuldig bedank nodig breid werk contrasteer schep creëer
        improviseer""",
    "pl": """
        napisz wyjaśnij objaśnij opisz wymień podaj porównaj oblicz znajdź przetłumacz streść podsumuj przeanalizuj
        zaproponuj zaprojektuj stwórz utwórz udowodnij wykaż pokaż przedstaw omów opowiedz zaplanuj ułóż przygotuj
        rozwiąż wyobraź załóż użyj przekształć zamień popraw uzasadnij oceń wskaż określ wybierz zbuduj dodaj sporządź
        opracuj zidentyfikuj rozważ rozwiń powiedz daj zrób wypisz posortuj zdefiniuj dokończ odpowiedz zinterpretuj
        przeredaguj zaimplementuj jak co dlaczego czemu kto gdzie kiedy ile czy który która które jaki jaka jakie czym
        kim jesteś pomóż proszę przepisz poleć doradź nazwij wylicz skomponuj wymyśl streśćcie rozpisz narysuj sprawdź
        uporządkuj podziel wyróżnij zbadaj przewidź streszcz skróć rozszerz sformułuj przekonaj zagraj wciel udziel
        zestaw skomentuj rozstrzygnij ustal wyprowadź uprość narysujcie nazwijcie wytłumacz wykonaj dopasuj opracujcie
        rozłóż sprecyzuj zastosuj obal wydłuż namaluj uspokój pociesz zachęć ostrzeż sprzedaj pochwal sparodiuj zagęść
        zmniejsz odszyfruj zgadnij zmierz zważ pogrupuj skojarz połącz oddziel ponumeruj sparafrazuj udramatyzuj
        przesłuchaj udokumentuj oszacuj prognozuj wywnioskuj uściślij uogólnij zakwestionuj osądź zniuansuj zaprzecz
        przedłuż naśladuj zatytułuj uszereguj negocjuj oskarż podziękuj zaproś przeciwstaw odróżnij zasymuluj nadaj
        zwięźle odegraj""",
    "cs": """
        napiš vysvětli popiš vyjmenuj uveď porovnej vypočítej spočítej najdi přelož shrň analyzuj navrhni vytvoř dokaž
        ukaž představ pojmenuj vyprávěj naplánuj připrav vyřeš použij převeď oprav zdůvodni zhodnoť urči vyber řekni
        dej udělej seřaď definuj doplň odpověz jak co proč kdo kde kdy kolik který která které jaký jaká jaké čím jsi
        pomoz prosím napište vysvětlete popište uveďte porovnejte vypočítejte navrhněte vytvořte nakresli ověř
        uspořádej rozděl zjednoduš odvoď sestav vymysli přepiš dokonči zahraj analyzujte shrňte přeložte řekněte
        odhadni posuď zvaž charakterizuj vypiš zařaď vyvrať zkrať pokračuj namaluj přesvědč uklidni utěš povzbuď varuj
        prodej pochval parodujte zhusti zmenši rozlož rozlušti hádej změř seskup spoj odděl očísluj parafrázuj
        zdramatizuj vyslechni zdokumentuj předpověz vyvoď upřesni zobecni zpochybni prodluž ukonči napodob vyjednej
        obviň poděkuj pozvi odliš rozliš nacvič""",
    "sv": """
        skriv förklara beskriv ge lista nämn jämför beräkna översätt sammanfatta skapa hitta visa föreslå berätta
        analysera diskutera bevisa designa utveckla identifiera gör lös bestäm utvärdera sortera planera rekommendera
        välj motivera hjälp räkna definiera svara korrigera förbättra hur vad varför vilken vilka vilket vem när var är
        kan finns argumentera resonera redogör tänk rita ordna dela klassificera gissa formulera sjung simulera läs
        fyll utforma ange redovisa tolka bedöm kommentera omformulera skissa härled förenkla fördela vidareutveckla
        ställ motbevisa korta fortsätt måla övertyga trösta varna sälj beröm parodiera förkorta förläng mät väg
        gruppera koppla separera numrera parafrasera dramatisera intervjua dokumentera uppskatta förutse dra slutför
        avsluta imitera rangordna förhandla tacka bjud kontrastera särskilj skilj uppfinn kom""",
    "da": """
        skriv forklar beskriv giv gi nævn nevn sammenlign beregn oversæt oversett lav lag find finn vis foreslå fortæl
        fortell analyser diskuter bevis design udvikl utvikle identificer løs bestem vurder sorter planlæg planlegg
        anbefal vælg velg begrund begrunn hjælp hjelp tæl definer svar ret forbedr opsummer oppsummer hvordan hvad hva
        hvorfor hvilken hvilke hvilket hvem hvornår hvor når er kan findes finnes redegør diskutér drøft tegn
        kontrollér ordn del klassificér formulér syng simuler læs udfyld udform angiv fortolk bedøm kommentér omskriv
        skitsér udled forenkle opstil opskriv illustrer argumentér argumenter kom still utform angi tolk modbevis
        motbevis forkort forkorte fortsæt fortsett mal overbevis trøst advar sælg selg ros parodier forlæng forleng gæt
        gjett mål vej vei gruppér koble adskil skill nummerér parafrasér dramatisér interview dokumentér anslå forudsig
        forutsi konkludér fuldfør fullfør afslut avslutt efterlign etterlign rangér ranger forhandl tak takk inviter
        kontrastér opfind oppfinn""",
    "ro": """
        scrie explică descrie enumeră numește compară dă calculează găsește traduce rezumă analizează discută arată
        demonstrează proiectează dezvoltă propune sugerează identifică povestește spune fă rezolvă determină evaluează
        sortează planifică recomandă alege justifică compune inventează imaginează definește răspunde corectează cum ce
        care cine unde când cât câți câte de poți ești ajută prezintă argumentează infirmă scurtează continuă pictează
        convinge liniștește consolează avertizează vinde laudă parodiază condensează reduce ghicește măsoară cântărește
        grupează leagă separă împarte numerotează parafrazează documentează estimează prezice conchide generalizează
        contestă judecă termină imită intitulează negociază mulțumește invită deosebește distinge redactează întocmește
        elaborează""",
    "hu": """
        írj írd magyarázd sorold nevezz nevezd írja hasonlítsd adj add készíts számítsd számold fordítsd foglald
        elemezd mutasd bizonyítsd tervezz javasolj mondj mondd oldd határozd értékeld rendezd válassz indokold segíts
        definiáld keress találj mi mit milyen hogyan hogy miért ki kinek hol hová mikor mennyi hány melyik melyek tudsz
        te képzeld fejtsd vázold ismertesd mesélj cáfold rövidítsd fesd győzd vigasztald figyelmeztesd dicsérd
        tömörítsd csökkentsd találd mérd csoportosítsd kösd válaszd számozd fogalmazd jósold következtess általánosítsd
        vitasd folytasd fejezd utánozd rangsorold köszönd hívd különböztesd állítsd készítsd""",
    "fi": """
        kirjoita selitä luettele nimeä kerro kuvaile vertaa anna laske listaa tee suunnittele käännä tiivistä analysoi
        osoita todista ehdota etsi luo ratkaise määritä arvioi järjestä valitse perustele auta vastaa korjaa pohdi
        esitä miten miksi mitä mikä mitkä kuka missä milloin montako kuinka onko voiko voitko keksi laadi kumoa lyhennä
        jatka maalaa vakuuta lohduta varoita myy kehu pidennä jaa arvaa mittaa punnitse ryhmittele yhdistä erota
        numeroi haastattele ennusta päättele yleistä kyseenalaista viimeistele jäljittele neuvottele kiitä kutsu
        vertaile muotoile""",
    "tr": """
        açıkla yaz listele say anlat çevir hesapla bul ver yap oluştur tasarla karşılaştır özetle öner belirt göster
        tanımla hazırla düşün söyle et tartış değerlendir incele ekle planla kanıtla çöz düzelt yorumla sırala seç
        geliştir kullan dönüştür tamamla düzenle analiz yanıtla cevapla türet ispatla kur çiz üret uygula gerekçelendir
        savun nasıl neden niçin niye kim nerede hangi kaç ne nedir nelerdir kimdir misin mısın musun müsün mi mı mu mü
        mıdır midir mudur müdür lütfen yeniden çıkar topla böl dağıt sınıflandır tahmin canlandır ikna oyna dizayn
        kıyasla listeleyin açıklayın yazın özetleyin saptayın belirle belirleyin oluşturun tartışın çürüt dök indir
        sürdür koy ayırt kısalt uzat boya resmet teselli uyar sat öv taklit azalt ayır birleştir eşleştir numaralandır
        sorgula belgele öngör genelle yargıla bitir isimlendir adlandır müzakere suçla teşekkür davet karşılaştırın
        kurgula uydur bulun yarat tasvir betimle örnekle örneklendir irdele yorumlayın eleştir eleştirin""",
    "vi": """
        hãy viết giải liệt kể nêu so phân tính tìm chứng thiết đề cho dịch tóm trình lập tạo đưa xây giúp vui xin chỉ
        nói soạn đặt sắp chọn gợi đánh lý thảo tại vì làm thế phác dựng vẽ kiểm đóng giả lên hoàn điền sửa cải chuyển
        bác nghĩ kẻ rút thuyết vạch gọt nén mở diễn chê khen cảnh bán nhại giảm đoán đo cân gom ghép tách chia phỏng
        nghi phán phản kéo bắt chấm mời đối bịa""",
    "id": """
        tulis tuliskan jelaskan sebutkan bandingkan buat buatkan buatlah hitung cari terjemahkan ringkas rangkum
        analisis berikan beri rancang susun gambarkan uraikan tunjukkan buktikan tentukan bayangkan gunakan ceritakan
        daftar diskusikan usulkan rekomendasikan sarankan bantu tolong mohon apa bagaimana mengapa kenapa berapa siapa
        kapan apakah mana dimana jawab perbaiki ubah urutkan pilih kembangkan rencanakan lengkapi kamu anda evaluasi
        nilai simpulkan gambar hitunglah jelaskanlah susunlah tulislah sebut klasifikasikan identifikasi prediksi
        simulasikan perankan periksa ringkaskan lanjutkan kelompokkan bedakan tafsirkan nyatakan ajukan karang carikan
        rekomendasi bantah persingkat lukis yakinkan tenangkan hibur dorong peringatkan jual puji tiru padatkan kurangi
        pecahkan tebak ukur timbang hubungkan pisahkan bagi nomori wawancarai catat taksir rincikan ragukan adili
        sambung selesaikan judul negosiasikan tuduh ucapkan undang pertentangkan karanglah""",
    "ru": """
        напиши напишите объясни объясните назови назовите опиши опишите сравни сравните дай дайте создай создайте
        вычисли вычислите найди найдите переведи переведите проанализируй обсуди покажи докажи докажите разработай
        предложи предложите определи определите расскажи расскажите сделай сделайте перепиши реши решите оцени
        отсортируй составь составьте выбери обоснуй придумай придумайте выведи упрости перечисли перечислите приведи
        приведите дополни продолжи исправь исправьте улучши рассмотри подготовь посчитай рассчитай рассчитайте запиши
        помоги помогите посоветуй порекомендуй реализуй спроектируй представь сформулируй укажи преобразуй подбери
        изложи раскрой аргументируй напомни скажи скажите как что почему зачем кто где куда откуда когда сколько какой
        какая какие какое каков какова каковы чем чему верно можно есть ли который написать объяснить назвать описать
        сравнить составить перескажи перескажите подведи подведите резюмируй спланируй спланируйте построй постройте
        нарисуй изобрази проверь проверьте расположи распредели упорядочи разбей выдели выделите исследуй изучи
        интерпретируй спрогнозируй поясни поясните раскройте переформулируй выполни выполните напишем ответь ответьте
        выскажи спой сочини сочините изложите проанализируйте обсудите покажите разработайте оцените обоснуйте выведите
        упростите дополните продолжите рассмотрите подготовьте посчитайте порекомендуйте реализуйте спроектируйте
        представьте сформулируйте укажите преобразуйте подберите отсортируйте выберите советуй разыграй сыграй поставь
        какими чьи насколько растолкуй разъясни выясни установи проследи сопоставь попробуй уточни примени опровергни
        сократи удлини убеди успокой утешь ободри предупреди продай похвали спародируй сожми уменьши разложи расшифруй
        угадай измерь взвесь сгруппируй свяжи раздели пронумеруй перефразируй инсценируй допроси задокументируй
        предскажи заключи конкретизируй обобщи оспорь рассуди возрази продли закончи заверши подражай озаглавь ранжируй
        договорись обвини поблагодари пригласи противопоставь отличи различи разграничи смоделируй сымитируй подыщи
        вычлени отметь подчеркни проиллюстрируй прокомментируй отрецензируй раскритикуй защити поспорь переделай замени
        убери вставь организуй распиши расставь перестрой""",
    "uk": """
        напиши напишіть поясни поясніть назви назвіть опиши опишіть порівняй порівняйте дай дайте створи створіть
        обчисли обчисліть знайди знайдіть переклади перекладіть проаналізуй обговори покажи доведи доведіть розроби
        запропонуй запропонуйте визнач визначте розкажи розкажіть зроби перепиши розв'яжи оціни відсортуй склади
        складіть вибери обґрунтуй придумай придумайте виведи спрости перелічи перерахуй наведи наведіть доповни продовж
        виправ покращ розглянь підготуй порахуй запиши допоможи порадь реалізуй уяви сформулюй вкажи підсумуй стисло як
        що чому навіщо хто де куди звідки коли скільки який яка які яке чим чи можна обери аргументуй скажи підсумуйте
        перекажи перекажіть переформулюй сплануй сплануйте побудуй побудуйте намалюй перевір перевірте упорядкуй
        впорядкуй розподіли виділи виділіть досліди інтерпретуй спрогнозуй розкрий виконай виконайте відповідай вигадай
        вигадайте перелічіть перерахуйте проаналізуйте обговоріть покажіть розробіть оцініть обґрунтуйте виведіть
        спростіть доповніть продовжте розгляньте підготуйте порахуйте порекомендуй порекомендуйте реалізуйте спроєктуй
        спроектуй уявіть сформулюйте вкажіть перетвори підбери відсортуйте виберіть оберіть порадьте зіграй стисни
        наскільки розтлумач роз'ясни витлумач поділи зіставляй простеж з'ясуй встанови спробуй застосуй пояснюй скороти
        подовж переконай заспокой утіш підбадьор попередь продай похвали зменш розклади розшифруй вгадай виміряй зваж
        згрупуй пов'яжи розділи пронумеруй перефразуй допитай задокументуй передбач конкретизуй узагальни оскаржи
        розсуди заперечуй закінчи заверши наслідуй озаглав ранжуй домовся звинувать подякуй запроси протистав відрізни
        розрізни розмежуй змоделюй добери відзнач підкресли проілюструй прокоментуй розкритикуй захисти посперечайся
        переробь заміни прибери встав організуй розпиши спростуй""",
    "bg": """
        напиши обясни назови опиши сравни дай създай изчисли намери преведи анализирай обсъди покажи докажи разработи
        предложи определи разкажи направи реши оцени сортирай състави избери обоснови измисли изброй посочи помогни как
        какво защо кой коя кои къде кога колко какъв какви напишете обяснете опишете посочете""",
    "el": """
        γράψε γράψτε εξήγησε εξηγήστε πες πείτε ανάφερε αναφέρετε περίγραψε περιγράψτε σύγκρινε συγκρίνετε δώσε δώστε
        φτιάξε φτιάξτε βρες βρείτε υπολόγισε υπολογίστε μετάφρασε απόδειξε αποδείξτε ονόμασε σύνταξε σχεδίασε πρότεινε
        δείξε κάνε λύσε ανάλυσε αναλύστε συνόψισε σκέψου διόρθωσε βοήθησε απάντησε διάλεξε οργάνωσε δημιούργησε
        δημιουργήστε κατάγραψε τεκμηρίωσε αιτιολόγησε ποιος ποια ποιο ποιοι ποιες τι πώς πως γιατί πόσο πόσα πόσες
        πόσοι πότε πού ποιον παρακαλώ μπορείς είσαι φαντάσου εξήγησέ γραψε ζωγράφισε ταξινόμησε έλεγξε συμπλήρωσε
        συνέχισε απλοποίησε επίλυσε πείσε ερμήνευσε αξιολόγησε κατάταξε μετάτρεψε παρουσίασε παρουσιάστε προτείνετε
        διηγήσου σκεφτείτε όρισε χρησιμοποίησε αντιπαράβαλε τραγούδησε αντίκρουσε συντόμευσε ξεχώρισε καθησύχασε
        παρηγόρησε ενθάρρυνε προειδοποίησε πούλησε επαίνεσε μιμήσου συμπύκνωσε μείωσε αποκρυπτογράφησε μάντεψε μέτρησε
        ζύγισε ομαδοποίησε σύνδεσε χώρισε αρίθμησε παράφρασε προέβλεψε συμπέρανε γενίκευσε αμφισβήτησε κρίνε τελείωσε
        ευχαρίστησε προσκάλεσε σύγκρινέ ψάξε επινόησε εφηύρε υποδύσου στοιχειοθέτησε""",
    "ar": """
        اكتب اشرح اذكر قارن صف عدد احسب أوجد ترجم لخص حلل ناقش أعط أعطني قدم صمم أنشئ اقترح وضح بين اجعل أثبت برهن حدد
        ضع رتب استخدم تخيل افترض أخبرني ساعدني هات قم اختر حول أكمل أعد صغ علل استنتج تحدث أجب ابحث سم اعرض فسر طور اعط
        احك ارسم هل ما ماذا كيف لماذا كم متى أين أي أيهما أريد أحتاج أرغب يرجى الرجاء رجاء استخرج ابتكر صنف نظم بسط
        تحقق افحص أكتب أذكر عرف كون ألف خطط استعرض بادر تنبأ لخصي قيم أقنع مثل علق برر انقد وازن اشتق أنشد فند ميز
        اختصر أطل طمئن واس شجع حذر بع امدح قلد كثف قلل فك خمن قس زن اجمع اربط افصل قسم رقم استجوب وثق خصص عمم شكك احكم
        أنه عنون فاوض اتهم اشكر ادع قابل فرق ابن اختلق انسج دون سجل أعرب صحح راجع""",
    "he": """
        כתוב כתבו כתבי הסבר הסבירו הסבירי תאר תארו תארי השווה השוו מנה מנו ציין ציינו תן תנו תני הצג הציגו חשב חשבו
        תרגם תרגמו סכם סכמו נתח נתחו הצע הציעו עזור עזרו צור צרו מצא מצאו הוכח הוכיחו נמק נמקו ספר ספרו פתור פתרו בנה
        בנו עצב תכנן תכננו דמיין הנח הניחו בחר בחרו חבר חברו הראה הראו דון דונו הגדר הגדירו רשום רשמו נסח נסחו ערוך תקן
        אמור השלם הפוך איך מה למה מדוע כיצד מי איפה היכן מתי כמה האם אילו איזה איזו לאן אנא נא סכמי תמצת תמצתו צייר
        ציירו בדוק בדקו סדר סדרו מיין מיינו השלימו המשך המשיכו פשט פשטו שכנע שכנעו הערך העריכו נבא המחש המחישו הבא
        הביאו הרכב הרכיבו הצדק שרטט פרט פרטו שחק דרג דרגו התאם המר המירו הכן הכינו הפרך הפריכו המצא המציאו קצר קצרו
        הבחן הבחינו הארך הרגע נחם עודד הזהר מכור שבח חקה דחס הפחת פרק פענח נחש מדוד שקול קבץ קשר הפרד חלק מספר מחז
        ראיין תעד הסק הכלל ערער שפוט סתור המשיכי סיים כנה התמקח האשם הודה הזמן עמת הבדל ברא הגה המחז אפיין אפיינו""",
    "fa": """
        بنویس بنویسید توضیح بگو بگویید مقایسه محاسبه ترجمه بیان طراحی پیدا پیشنهاد لطفا لطفاً چگونه چرا چه چیست کدام آیا
        چند کجا چطور شرح فهرست خلاصه تحلیل""",
}

DERIVED: dict[str, tuple[tuple[str, str], ...]] = {
    "de": (("e", ""),),
    "fr": (("e", "ez"), ("e", "er"), ("s", "sez"), ("s", "vez")),
    "es": (("a", "ame"), ("a", "ad"), ("e", "eme"), ("a", "ar")),
    "pt": (("e", "em"), ("a", "em"), ("e", "er")),
    "it": (("i", "ete"), ("i", "ite"), ("a", "ate"), ("a", "ami"), ("i", "imi"), ("a", "are")),
    "pl": (("", "cie"),),
    "cs": (("", "te"),),
    "ru": (("и", "ите"), ("й", "йте"), ("ь", "ьте")),
    "uk": (("и", "іть"), ("й", "йте"), ("ь", "ьте")),
    "el": (("ε", "τε"), ("ε", "ετε")),
    "id": (("", "lah"),),
}
"""Further forms of the imperatives above: an ending, and what stands in its place (plural, polite, "… me")."""

QUESTION_WORDS = """
    how what what's which who whom whose why where when wie was warum wer wo wann welche welcher welches welchen
    welchem wieso weshalb woher wohin wem wen wessen pourquoi comment que quel quelle quels quelles qui quoi où quand
    combien qué cómo cuál cuáles cuándo dónde quién quiénes cuánto cuánta cuántos cuántas como qual quais quando onde
    quem quanto quanta quantos quantas cosa come perché quale quali dove chi quanti quante che hoe wat waarom waar
    wanneer welke welk hoeveel waardoor waarmee jak co dlaczego czemu kto gdzie kiedy ile czy który która które jaki
    jaka jakie czym kim ilu jakimi czyj proč kdo kde kdy kolik jaký jaká jaké čím hur vad varför vilken vilka vilket
    vem när var hvordan hvad hva hvorfor hvilken hvilke hvilket hvem hvornår hvor når cum ce care cine unde când cât
    câți câte mi mit milyen hogyan hogy miért ki kinek hol hová mikor mennyi hány melyik melyek miten miksi mitä mikä
    mitkä kuka missä milloin montako kuinka onko как что почему зачем кто где куда откуда когда сколько какой какая
    какие какое каков какова каковы чем чему верно ли насколько чьи какими як що чому навіщо хто де куди звідки коли
    скільки який яка які яке чим чи наскільки какво защо кой коя кои къде кога колко какъв какви ποιος ποια ποιο ποιοι
    ποιες τι πώς πως γιατί πόσο πόσα πόσες πόσοι πότε πού ποιον který která které kterou jakou kteří której который
    которая которые которое которого которой"""
"""Without a question mark they ask only in the first sentence, and less clearly."""

STEPS = """
    use put set break make take apply turn check test add remove delete insert merge split read observe practice plan
    build choose pick select find think work reflect lay come fill finish draw map chart order record count sum
    multiply divide subtract adapt modify change replace reason weigh trace label update round verify study say sing
    show help guide walk start begin try mix keep avoid ask get go look cut open close press click install run cook
    bake boil heat stir pour wait repeat ensure imagine consider return print match format factor expand simplify
    decide act play spell share thank greet is are was were do does did can could would will should may might has have
    be talk clear point stay assume gib nimm mach mache setze stelle stell lies baue bau wähle prüfe finde ordne denke
    achte mets prends ajoute fais mettez prenez ajoutez faites choisis trouve pon haz añade ponga haga elige encuentra
    piensa faça escolha encontre fai prendi metti aggiungi scegli trova maak zet neem kies weź zrób dodaj wybierz
    сделай сделайте выбери найди найдите зроби знайди gør tag gå"""
"""Imperatives that instructions share with the steps of a recipe: they ask less clearly."""

STRONG = """
    explain describe compare write list calculate determine prove discuss justify analyze analyse summarize summarise
    translate identify suggest propose recommend evaluate outline derive draft rewrite argue compute illustrate design
    implement name state define give find tell show create generate solve estimate convert classify predict assess
    critique provide"""
"""English imperatives that ask behind a comma or an "and" as well."""

CLAUSE_OPENERS = """
    if given for in using with based when as after before assuming to from by without imagine suppose let while
    considering on at within under through across like first then next finally also now please step once since because
    unless"""
"""English words that open a clause before an order: "If x is 3, …"."""

ROMANCE_CLAUSE_OPENERS = """
    si se cuando quando con avec com en em in nel nella na no para per pour dato data dati dado dada dados dadas usando
    basandoti partiendo partendo imagina imagine supón supposons considerando utilizzando utilisant à sachant étant
    selon según segundo secondo après depois después dopo d'après basándote tenendo tendo teniendo como dopodiché luego
    puis ensuite poi então entonces"""
"""The same in Romance languages."""

ADVERBS = """
    please also then finally briefly clearly carefully first next kindly now"""
"""English words that may stand before an imperative."""

DETERMINERS = """
    a an the your my me us this these it them how why what whether up out all each one two three four five"""
"""What follows a bare English verb that no list knows: "Concoct a …"."""

NO_VERBS = """
    and or but so in on of at to for with by from as is are was were be it he she they we i you that this these those
    there here both all half such not only just like than about after before between because since while although
    though if when where until unless what who how why which yes no even also once thus hence therefore first second
    third fourth next last finally another other others many most some several few every either neither whether whereas
    however moreover furthermore additionally overall instead perhaps maybe indeed then now today under over above
    below within without inside outside near behind beyond during across around against along among per via upon toward
    despite according due thanks each too let
    the a an my your his her our their its every any enough more less nearly almost only exactly"""
"""English words that open a sentence and are no such verb."""
