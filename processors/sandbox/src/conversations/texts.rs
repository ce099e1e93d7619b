// SPDX-License-Identifier: Apache-2.0

//! Messages in several languages.

/// The sentences and names of one language.
#[derive(Debug)]
pub(super) struct Language {
    /// Names of customers.
    pub(super) names: &'static [&'static str],
    /// Customers' first messages.
    pub(super) questions: &'static [&'static str],
    /// Customers' further messages.
    pub(super) details: &'static [&'static str],
    /// Customers' last messages.
    pub(super) thanks: &'static [&'static str],
    /// Bots' answers.
    pub(super) bot: &'static [&'static str],
    /// Agents' answers.
    pub(super) agent: &'static [&'static str],
}

pub(super) const LANGUAGES: &[Language] = &[
    Language {
        names: &["Maya Ferris", "Tom Okafor", "Priya Nair", "Liam O'Shea", "Grace Adeyemi"],
        questions: &[
            "Hi, my order 58213 was due on Tuesday and nothing has come.",
            "Hello! I was charged twice this month 😕",
            "My router shows a red light since last night.",
            "Can I move my appointment to next Thursday?",
            "I would like to cancel the extra SIM on my contract.",
        ],
        details: &[
            "The reference is AZ-77140.",
            "Yes, I restarted it twice already.",
            "It is registered under my wife's name.",
            "No, that is not what I asked 🙈",
            "Any time after 4 pm would do.",
            "I can send you a photo of the invoice.",
        ],
        thanks: &["Brilliant, thank you! 🙏", "That works for me, bye.", "OK thanks."],
        bot: &[
            "Welcome! Tell me in a few words what this is about.",
            "I found an order under this number. Is it the one from the 3rd?",
            "Here is what helps most people: unplug the device for 30 seconds.",
            "Let me get a colleague for you.",
        ],
        agent: &[
            "Hi, I have read what you wrote and am looking into it.",
            "I see the second charge; it goes back to your card within 3 days.",
            "The parcel is at the depot, it comes tomorrow before noon.",
            "Could you read me the number on the back of the device?",
            "Done. You will get a confirmation by e-mail.",
        ],
    },
    Language {
        names: &["Jürgen Weiß", "Annika Schröder", "Yusuf Demir", "Käthe Groß"],
        questions: &[
            "Guten Tag, meine Rechnung stimmt nicht.",
            "Seit gestern kein Internet – was ist da los?",
            "Ich möchte meine Adresse ändern.",
        ],
        details: &[
            "Kundennummer 4 408 127.",
            "Nein, das Gerät ist neu.",
            "In der Müllerstraße 12, dritter Stock.",
            "Das habe ich schon versucht 😤",
        ],
        thanks: &["Vielen Dank, schönen Tag noch!", "Super, danke 👍"],
        bot: &["Hallo! Worum geht es?", "Einen Moment, ich sehe nach.", "Ich verbinde Sie mit dem Service."],
        agent: &[
            "Guten Tag, ich schaue mir das gleich an.",
            "Die Gutschrift über 14,90 € ist veranlasst.",
            "Bis morgen früh ist die Störung behoben.",
        ],
    },
    Language {
        names: &["Zoé Lefèvre", "Moussa Diallo", "Benoît Garnier"],
        questions: &[
            "Bonjour, je n’arrive plus à me connecter.",
            "Où est mon colis ? 📦",
            "Je veux résilier mon abonnement.",
        ],
        details: &["Le code reçu ne marche pas.", "C’est le dossier nº 9-331.", "Depuis lundi déjà…"],
        thanks: &["Merci beaucoup !", "Parfait, bonne journée ☀️"],
        bot: &[
            "Bonjour, que puis-je faire pour vous ?",
            "Je cherche votre dossier…",
            "Je vous passe un conseiller.",
        ],
        agent: &[
            "Bonjour, je regarde tout de suite.",
            "Votre accès est rétabli, essayez à nouveau s’il vous plaît.",
            "Le remboursement part aujourd’hui.",
        ],
    },
    Language {
        names: &["Íñigo Peña", "Lucía Márquez", "Joaquín Núñez"],
        questions: &[
            "¡Hola! ¿Puedo cambiar mi vuelo?",
            "Me han cobrado de más en la factura.",
            "No funciona la tarjeta.",
        ],
        details: &[
            "El localizador es QX3P7R.",
            "Viajamos cuatro personas 👨‍👩‍👧‍👦",
            "Para el martes, si se puede.",
        ],
        thanks: &["¡Muchísimas gracias!", "Vale, gracias 😊"],
        bot: &[
            "Hola, soy el asistente virtual. ¿En qué te ayudo?",
            "Un segundo, por favor.",
            "Te paso con una persona.",
        ],
        agent: &[
            "Hola, lo estoy revisando ahora mismo.",
            "El cambio cuesta 30 €; ¿lo confirmo?",
            "Listo, te llega el billete nuevo por correo.",
        ],
    },
    Language {
        names: &["ليلى حداد", "عمر المنصوري"],
        questions: &["مرحبا، متى يصل طلبي؟", "لا أستطيع فتح حسابي منذ الصباح."],
        details: &["رقم الطلب ٥٨٢١٣.", "نعم، جربت ذلك مرتين."],
        thanks: &["شكرا جزيلا 🌷", "ممتاز، مع السلامة."],
        bot: &["أهلا بك! كيف يمكنني مساعدتك؟", "سأحولك إلى أحد الزملاء."],
        agent: &["أهلا، أتحقق من الأمر الآن.", "سيصل طلبك غدا قبل الظهر."],
    },
    Language {
        names: &["佐藤 美咲", "高橋 健"],
        questions: &["注文した商品がまだ届きません。", "請求額が先月と違うのですが。"],
        details: &["注文番号は58213です。", "はい、もう試しました。"],
        thanks: &["ありがとうございました！", "助かりました😊"],
        bot: &["こんにちは。ご用件をお聞かせください。", "担当者におつなぎします。"],
        agent: &["確認いたしますので少々お待ちください。", "明日の午前中にお届けします。"],
    },
    Language {
        names: &["Zbigniew Wójcik", "Małgorzata Żak"],
        questions: &["Dzień dobry, gdzie jest moja paczka?", "Faktura przyszła na złe nazwisko."],
        details: &["Numer zamówienia 58/213.", "Tak, już próbowałam."],
        thanks: &["Dziękuję bardzo!", "Super, do widzenia 👋"],
        bot: &["Cześć! W czym mogę pomóc?", "Łączę z konsultantem."],
        agent: &["Dzień dobry, już sprawdzam.", "Paczka będzie jutro do południa."],
    },
];

/// Emoji of reactions.
pub(super) const EMOJI: &[&str] = &["👍", "❤️", "😂", "😮", "🙏", "🎉", "👍🏽"];
/// Flags of agents and supervisors.
pub(super) const FLAGS: &[&str] = &["follow-up", "rude", "wrong-answer", "good-example"];
/// Agents' notes.
pub(super) const NOTES: &[&str] = &[
    "Asked for a call back on Monday, mornings only.",
    "Second complaint within a month – be generous.",
    "Waits for the courier's answer; ticket 8812.",
    "Bitte Rückruf nicht vor 16 Uhr ☎️",
];
/// Supervisors' whispers.
pub(super) const WHISPERS: &[&str] = &[
    "Offer the 10 % voucher.",
    "Check the address first, it changed last week.",
    "You are doing fine 👏 – close it with the form.",
];
/// Nodes of a voice menu.
pub(super) const MENU: &[&str] =
    &["welcome", "language/2", "menu/1", "menu/3", "balance", "queue-announcement"];
/// Wrap-ups: category and reason.
pub(super) const WRAP_UPS: &[(&str, &str)] = &[
    ("Delivery", "Where is my parcel"),
    ("Billing", "Charged twice"),
    ("Technical", "No connection"),
    ("Contract", "Cancellation"),
    ("Contract", "Change of address"),
];
/// Unknown event names.
pub(super) const UNKNOWN_NAMES: &[&str] =
    &["TYPING_STARTED", "COBROWSE_STARTED", "TASK_REPRIORITISED", "CUSTOMER_JOURNEY_STEP", "agent_message"];
