"""Words by language, as data: what tells a language by its function words and letters.

Written for short instructions. Keys are ISO 639-1 codes; closely related written forms share one ("da" stands for
Danish and Norwegian). Languages of a script of their own need no function words. Nothing here decides; see
`languages.py`.
"""

from __future__ import annotations

FUNCTION_WORDS: dict[str, str] = {
    "en": """
        the a of and to in is that it for with as are this be on by from at an or which was you your not have has can
        how what why when where who do does will would should about into than then them their there these those between
        each using without its i my me we our if all any one two three four five he she they his her him us been were
        had did doesn don isn aren wasn didn like some many most more very just also only because while such other same
        under over after before once often""",
    "de": """
        der die das und ist nicht ein eine einen einem einer eines mit für auf den dem des im in von zu zur zum wie was
        warum wer wo sich auch als bei nach aus oder über wird werden kann ich du sie wir ihr mir mich mein meine dass
        sind haben hat an um welche welcher welches wenn nur noch durch keine bitte jeden zwischen am vom drei zwei
        vier fünf es war waren hatte wurde wurden hatten weil damit sehr mehr viele man sein seine ihre ihren unter vor
        gegen etwa sowie jedoch""",
    "fr": """
        le la les des un une et est en du de que qui dans pour sur pas avec ce cette ces au aux par plus ne se son sa
        ses comment pourquoi quel quelle quels quelles vous votre je tu il elle nous mon ma mes être sont ou où sans
        chaque entre l d qu n c s j trois deux quatre cinq ils elles était étaient a ont fait peut très aussi mais
        comme si leur leurs y on même après avant pendant parce ainsi lorsque lui donc""",
    "es": """
        el la los las de del que y en un una es por con para se lo como su al más o pero sus le qué cómo cuál cuáles
        cuándo dónde quién está son sin sobre este esta estos entre cada mi me tu yo hay muy también ser si cuánto
        cuántos tres dos cuatro cinco él ella ellos era fue tiene tienen han ha puede muchos muchas todo todos porque
        cuando donde desde hasta durante después antes nos les tan""",
    "pt": """
        o a os as de do da dos das que e em um uma é por com para se no na nos nas como mais ao à seu sua ou mas não
        qual quais quando onde quem está são sem sobre este esta entre cada meu minha eu você também ser pelo pela há
        muito quanto quantos três dois duas quatro cinco ele ela eles elas era foi tem têm pode muitos muitas todo
        todos porque desde até durante depois antes isso isto nem""",
    "it": """
        il lo la i gli le di del della dei delle che e è in un una uno per con non si da dal alla al nel nella come più
        o ma sono su sul sulla cosa quale quali quando dove chi perché questo questa tra ogni mio mia io tu hai anche
        essere senza dello degli l d tre due quattro cinque era fu ha hanno può molti molte tutto tutti fino durante
        dopo prima loro suo sua suoi così questi""",
    "nl": """
        de het een en van in is dat op te voor met niet zijn die aan er om ook als bij uit naar hoe wat waarom wie waar
        welke of maar door over tussen elke mijn ik je jij u wij we hun deze dit geen wordt worden kan zonder drie twee
        vier vijf hij zij ze was waren heeft hebben had omdat zeer veel men haar hem onder na sinds tijdens dus
        echter""",
    "pl": """
        i w na z do się nie to jest że o od jak dla po za co czy który która które są przez oraz ale ich jego jej tym
        tego ten ta te ze dlaczego kto gdzie kiedy ile jaki jaka jakie mnie mój moja bez między każdy lub być trzy dwa
        cztery pięć których on ona oni był była było ma mają może ponieważ bardzo wiele pod przed podczas więc jednak
        tylko już""",
    "cs": """
        a v na je se s z do že o k i jak pro po za co nebo který která které jsou být není proč kdo kde kdy kolik jaký
        jaká jaké mezi každý bez ve ze si ale jako má by podle při tři dva čtyři pět on ona oni byl byla bylo může
        protože velmi mnoho jejich pod před během tedy však jen již""",
    "sv": """
        och i att det en ett som är på av för med den till inte om har de kan ska hur vad varför vem var när vilka
        vilken vilket eller från utan mellan varje min mitt jag du vi dig din så också men tre två fyra fem han hon
        hade blev mycket många deras under före efter eftersom dock bara redan""",
    "da": """
        og i at det en et som er på af for med den til ikke om har de kan skal hvordan hvad hva hvorfor hvem hvor når
        hvilke hvilken hvilket eller fra uden mellem hver min mit jeg du vi din så også men tre to fire fem han hun
        havde hadde var blev ble meget mange deres under før efter etter fordi dog bare allerede""",
    "ro": """
        și în de la cu o un pe care este să nu din pentru mai ce cum sau sunt prin al ale a lui lor dacă fără între
        fiecare despre unui unei cel cea cei cele îmi trei doi două patru cinci el ea ei erau era avea foarte mulți
        deoarece însă doar deja""",
    "hu": """
        a az és hogy nem egy van is ez mi mit hogyan miért ki hol mikor mennyi melyik vagy de csak már között minden
        meg szerint milyen kell lehet három két négy öt ő ők volt voltak lesz nagyon sok mert azonban""",
    "fi": """
        ja on ei se että hän joka mitä miten miksi kuka missä milloin mikä mitkä tai mutta kun myös sekä ovat kuin olla
        voi oma minun sinun välillä ilman jokainen kolme kaksi neljä viisi he oli olivat hyvin paljon koska kuitenkin
        vain jo""",
    "tr": """
        ve bir bu için ile da de ne nasıl neden niçin kim nerede kaç hangi mi mı mu mü çok daha gibi olan olarak en
        kadar sonra ya veya ama her olduğunu var yok ben sen biz arasında hakkında üç iki dört beş o onlar idi oldu ise
        değil fakat ancak yalnızca bunu bunun""",
    "vi": """
        và của là có không một những các cho được trong với này đó khi như thế nào tại sao gì ai đâu bao nhiêu hãy về
        để từ hoặc người cách nhất mỗi tôi bạn trên ba hai họ nó đã sẽ rất nhiều vì nhưng chỉ cũng bị phải ở vào ra""",
    "id": """
        dan yang di dari untuk dengan ini itu adalah pada ke tidak dalam sebuah seorang apa bagaimana mengapa kenapa
        siapa kapan mana berapa atau saya anda kamu akan juga oleh antara setiap tentang lebih agar secara tanpa bisa
        para tiga dua empat lima mereka ia dia telah sudah sangat banyak karena namun hanya pun tersebut memiliki
        menjadi""",
    "ru": """
        и в не на что с по как это для из к от о у за но же или при так его её их который которая которые есть был была
        почему когда где кто какой какая какие сколько чтобы если между без каждый мне мой вы ты он она мы до три два
        они были было может очень много под перед потому поэтому однако только уже также этот эта эти""",
    "uk": """
        і в у не на що з по як це для із до від о та за але чи при так його її їх який яка які є був була чому коли де
        хто скільки щоб якщо між без кожен мені мій ви ти він вона ми й три два вони були було може дуже багато або під
        перед тому однак тільки вже також цей ця ці""",
    "bg": """
        и в не на че с по как това за от до но или при така го я ги който която които е са беше защо кога къде кой
        какъв колко да ако между без всеки мен ми вие ти той тя ние се три два""",
    "ar": """
        في من على إلى عن أن التي الذي هذا هذه ما كيف لماذا هل مع كل أو لا بين كان كم متى أين ثم بعد قبل عند لكن هو هي
        هم كانت يكون تكون ذلك تلك عندما حيث لأن قد لم لن إذا أي بعض أكثر خلال منذ حتى""",
    "fa": """
        در به از که را این با است برای آن یک خود تا کند چه چرا چگونه آیا کدام چند هر یا اما می شود بین های هستند بود
        بودند دارد دارند شد نیست اگر وقتی زیرا بسیار بیشتر مثل پس""",
    "hi-Latn": """
        mein kyon kyun hai hain aur ka ke ki ko ka kya kaise kab kahan kaun kitne kitna nahin nahi chahiye baare liye
        koi kuch agar lekin bhi hota hoti hote jaata jaati karo karein batao bataiye mujhe aap aapke aapki tha thi yeh
        woh apne apni unke jab tak saath jo jise jinmein likho samjhao""",
    "ur": """
        اور کے کی میں ہے سے کو کا یہ پر نے ہیں کیا کیوں کیسے""",
}

LETTERS: dict[str, str] = {
    "de": "äöü",
    "fr": "êçœèàùîô",
    "es": "ñ¿¡",
    "pt": "ãõç",
    "it": "ìòù",
    "pl": "łąężśćńź",
    "cs": "řěůčšž",
    "sv": "åäö",
    "da": "åøæ",
    "ro": "șțăşţ",
    "hu": "őű",
    "fi": "äö",
    "tr": "ığş",
    "vi": "đơưạảấầẩậắằặẹẻẽếềểễệỉịọỏốồổộớờởợụủứừửữựỳỹ",
    "ru": "ыэъё",
    "uk": "іїєґ",
    "bg": "ъ",
    "ar": "ةىيك",
    "fa": "گچپژیک",
    "ur": "ٹڈڑےںھہ",
}
"""Letters that a language has and most others of its script have not."""
